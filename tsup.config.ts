import { defineConfig } from 'tsup'

/** The library, with declarations, its worker, and the four programs. Dependencies stay outside. */
export default defineConfig({
  entry: {
    index: 'participant/index.ts',
    node: 'participant/node.ts',
    worker: 'participant/zk/worker.node.ts',
    'bin/sign-gateway': 'gateway/main.ts',
    'bin/sign-service': 'sign-service/main.ts',
    'bin/key-gen': 'key-gen/main.ts',
    'bin/wallet-mpc': 'cli/main.ts',
  },
  format: 'esm',
  platform: 'node',
  target: 'node20',
  dts: { entry: { index: 'participant/index.ts', node: 'participant/node.ts' } },
  sourcemap: true,
  clean: true,
})
