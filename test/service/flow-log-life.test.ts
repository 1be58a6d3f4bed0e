import test, { type ExecutionContext } from 'ava';
import { CommandOperator, CurlOperator, type Operator, type Row } from './operator.ts';
import { ACCEPTED_PORT, ENIS, inventory, REJECTED_PORT, ServiceNetwork, type ServiceEni } from './service-network.ts';

const WINDOW_SECONDS = 5;
const FLAGS = ['--aggregation-delay', '3s'];
const { web, app, data, late } = ENIS;

for (const [name, operator] of [['commands', (network) => new CommandOperator(network)], ['curl and OpenAPI', (network) => new CurlOperator(network)]] as
  [string, (network: ServiceNetwork) => Operator][]) {
  test.serial(`the life of flow logs, by ${name}`, async (t) => {
    t.timeout(600_000);
    const network = new ServiceNetwork(t, FLAGS);
    await network.startCollector();
    await live(t, network, operator(network));
  });
}

async function live(t: ExecutionContext, network: ServiceNetwork, operator: Operator): Promise<void> {
  const packets = async (logStore: string, wanted: (row: Row) => boolean): Promise<number> =>
    (await operator.rows(logStore)).filter((row) => row['action'] !== null && wanted(row)).reduce((sum, row) => sum + Number(row['packets']), 0);
  const allReady = (): Promise<number> => network.until(async () => (await operator.readyAgents()).length === 3, () => `agents are not ready:\n${network.logs}`);
  const rejected = (eni: ServiceEni) => (row: Row) => row['eni-id'] === eni.eniId && row['action'] === 'REJECT' && row['dstport'] === REJECTED_PORT;
  const reach = (logStore: string, wanted: (row: Row) => boolean, count: number): Promise<number> =>
    network.until(async () => (await packets(logStore, wanted)) >= count, () => `fewer than ${count} packets in ${logStore}:\n${network.logs}`);

  await operator.apply(inventory([web, app, data]));
  await operator.authorize();
  await operator.createLogStore('drops');
  await operator.createLogStore('everything');
  for (const at of [0, 1, 2]) network.startAgent(at, await operator.enrolToken(`host-${at}`));
  await allReady();

  // what is sent before anything is to be recorded stays unrecorded
  for (const eni of [web, app, data]) await network.send(eni, REJECTED_PORT, 2);
  const vpcLog = await operator.createFlowLog({ 'name': 'drops', 'resource-type': 'VPC', 'resource-id': 'vpc-1', 'traffic-type': 'Drop', 'logstore': 'drops', 'window': `${WINDOW_SECONDS}s` });
  await allReady();
  for (const eni of [web, app, data]) {
    await network.send(eni, ACCEPTED_PORT, 7);
    await network.send(eni, REJECTED_PORT, 5);
  }
  for (const eni of [web, app, data]) await reach('drops', rejected(eni), 5);
  const dropRows = await operator.rows('drops');
  t.deepEqual([...new Set(dropRows.map((row) => row['action']))].filter((action) => action !== null), ['REJECT']);
  t.deepEqual([...new Set(dropRows.map((row) => row['eni-id']))].sort(), [app.eniId, data.eniId, web.eniId]);
  for (const eni of [web, app, data]) t.is(await packets('drops', rejected(eni)), 5, eni.eniId);

  // an ENI that joins the VPC is covered by itself
  await operator.apply(inventory([web, app, data, late]));
  t.is((await operator.flowLogs()).find(({ id }) => id === vpcLog)?.enis, 4);
  await allReady();
  await network.send(late, REJECTED_PORT, 5);
  await reach('drops', rejected(late), 5);
  t.is(await packets('drops', rejected(late)), 5);

  // a second flow log, of another traffic type and a longer window, into another LogStore
  await operator.createFlowLog({ 'name': 'app', 'resource-type': 'ENI', 'resource-id': app.eniId, 'traffic-type': 'All', 'logstore': 'everything', 'window': `${2 * WINDOW_SECONDS}s` });
  await allReady();
  await network.send(app, ACCEPTED_PORT, 7);
  await network.send(app, REJECTED_PORT, 5);
  await network.send(web, REJECTED_PORT, 5);
  await reach('everything', rejected(app), 5);
  await reach('drops', rejected(web), 10);
  t.is(await packets('drops', rejected(app)), 10);
  const everything = await operator.rows('everything');
  t.deepEqual([...new Set(everything.map((row) => row['eni-id']))], [app.eniId]);
  t.is(await packets('everything', (row) => row['action'] === 'ACCEPT' && row['dstport'] === ACCEPTED_PORT), 7);
  t.is(await packets('everything', rejected(app)), 5);
  t.true(everything.every((row) => Number(row['end']) - Number(row['start']) === 2 * WINDOW_SECONDS), 'rows of 5 s add up to 10 s');
  t.true((await operator.rows('drops')).every((row) => Number(row['end']) - Number(row['start']) === WINDOW_SECONDS));

  // disabled: nothing new, what was recorded stays
  await operator.disable(vpcLog);
  t.is((await operator.flowLogs()).find(({ id }) => id === vpcLog)?.status, 'Inactive');
  await allReady();
  for (const eni of [web, app, late]) await network.send(eni, REJECTED_PORT, 5);
  await reach('everything', rejected(app), 10);
  t.is(await packets('drops', rejected(web)), 10);
  t.is(await packets('drops', rejected(late)), 5);

  await operator.remove(vpcLog);
  t.deepEqual((await operator.flowLogs()).map(({ name }) => name), ['app']);
  t.is(await packets('drops', rejected(web)), 10, 'what was recorded outlives its flow log');
}
