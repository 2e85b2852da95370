/** Three masters that share the slots, each durable. What is down does not stop the others. */
import { until } from '../../testing/client.ts'
import { freePort, TestRedis } from './server.ts'

type Settings = Readonly<Record<string, string>>

const WAIT_MS = 30_000
const FIRST_SLOTS = [0, 5461, 10_923, 16_384] as const

export class TestCluster {
  readonly masters: readonly TestRedis[]

  private constructor(masters: readonly TestRedis[]) {
    this.masters = masters
  }

  /** `settings` are asked for once for each master. */
  static async start(settings: () => Promise<Settings> = async () => ({})): Promise<TestCluster> {
    const masters = await Promise.all(FIRST_SLOTS.slice(1).map(async () => clusterNode(await settings())))
    for (const [i, master] of masters.entries()) {
      master.cli('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
      master.cli('CLUSTER', 'ADDSLOTSRANGE', String(FIRST_SLOTS[i]), String(Number(FIRST_SLOTS[i + 1]) - 1))
    }
    const cluster = new TestCluster(masters)
    cluster.#meet(masters)
    await cluster.#untilWhole(masters)
    return cluster
  }

  get url(): string {
    return this.masters[0]?.url ?? ''
  }

  /** A master without slots. */
  async add(): Promise<TestRedis> {
    const node = await clusterNode()
    this.#meet([node])
    await until(() => nodesOf(node) === this.masters.length + 1, 'the new node knows the others', WAIT_MS)
    await until(
      () => this.masters.every((master) => master.cli('CLUSTER', 'NODES').includes(idOf(node))),
      'and they it',
      WAIT_MS,
    )
    return node
  }

  async addReplica(master: TestRedis): Promise<TestRedis> {
    const node = await this.add()
    node.cli('CLUSTER', 'REPLICATE', idOf(master))
    await until(() => node.cli('INFO', 'replication').includes('master_link_status:up'), 'it is a replica', WAIT_MS)
    return node
  }

  ownerOf(room: string): TestRedis {
    const slot = this.slotOf(room)
    for (const [i, master] of this.masters.entries()) if (slot < Number(FIRST_SLOTS[i + 1])) return master
    throw new Error('no such slot')
  }

  slotOf(room: string): number {
    return Number(this.masters[0]?.cli('CLUSTER', 'KEYSLOT', `{${room}}`))
  }

  /** As redis-cli --cluster reshard does it, with a pause while the slot is on its way. */
  async move(slot: number, from: TestRedis, to: TestRedis, pauseMs: number): Promise<void> {
    to.cli('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', idOf(from))
    from.cli('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', idOf(to))
    const keys = from.cli('CLUSTER', 'GETKEYSINSLOT', String(slot), '1000').split('\n').filter(Boolean)
    if (keys.length > 0) from.cli('MIGRATE', '127.0.0.1', String(to.port), '', '0', '5000', 'KEYS', ...keys)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    for (const node of [to, from]) node.cli('CLUSTER', 'SETSLOT', String(slot), 'NODE', idOf(to))
  }

  #meet(nodes: readonly TestRedis[]): void {
    const [first] = this.masters
    for (const node of nodes) {
      if (node !== first) node.cli('CLUSTER', 'MEET', '127.0.0.1', String(first?.port), first?.clusterPort ?? '')
    }
  }

  async #untilWhole(nodes: readonly TestRedis[]): Promise<void> {
    const isWhole = (node: TestRedis) => {
      const info = node.cli('CLUSTER', 'INFO')
      return info.includes('cluster_state:ok') && info.includes(`cluster_size:${this.masters.length}`)
    }
    await until(() => nodes.every(isWhole), 'the cluster is whole', WAIT_MS)
  }
}

async function clusterNode(settings: Settings = {}): Promise<TestRedis> {
  return TestRedis.start({
    'cluster-enabled': 'yes',
    'cluster-port': String(await freePort()),
    'cluster-node-timeout': '2000',
    'cluster-require-full-coverage': 'no',
    appendonly: 'yes',
    appendfsync: 'always',
    ...settings,
  })
}

function idOf(node: TestRedis): string {
  return node.cli('CLUSTER', 'MYID')
}

function nodesOf(node: TestRedis): number {
  return node.cli('CLUSTER', 'NODES').split('\n').length
}
