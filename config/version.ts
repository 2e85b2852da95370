/** The version of this package, as it stands in package.json (version.test.ts); programs are bundled without that file. */
export const VERSION = '0.1.0'
