/** How an agent gets and keeps its credential and its assignment, against a real HTTP server. */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { AgentCredential } from '../../../agent/assignment/agent-credential.ts';
import { AssignmentFile, type AssignmentInForce } from '../../../agent/assignment/assignment-file.ts';
import { AssignmentFollower } from '../../../agent/assignment/assignment-follower.ts';
import { ControlChannel } from '../../../agent/assignment/control-channel.ts';
import { temporaryDirectory } from '../../aggregator/collector-fixture.ts';
import { ControlServer, assignmentDocument } from './control-server.ts';

const AGENT = 'host-1';
const PATIENCE_MS = 60_000;
const ENROL = 'POST /v1/agents/enrol';
const ASK = 'GET /v1/agents/self/assignment';

interface Site {
  readonly directory: string;
  readonly enrolTokenFile: string;
  readonly tokenFile: string | null;
}

/** A follower with its files, as a start of the agent makes it. */
class Start {
  readonly log: string[] = [];
  readonly taken: (AssignmentInForce | null)[] = [];
  refused = 0;
  readonly file: AssignmentFile;
  readonly credential: AgentCredential;
  readonly follower: AssignmentFollower;
  private readonly channel: ControlChannel;

  constructor(t: ExecutionContext, url: string, site: Site) {
    const note = (text: string): void => void this.log.push(text);
    this.file = new AssignmentFile(site.directory, AGENT);
    this.credential = new AgentCredential({ agentId: AGENT, settings: site, givenToken: null, directory: site.directory });
    this.channel = new ControlChannel(url, AGENT, {});
    this.follower = new AssignmentFollower(
      { channel: this.channel, credential: this.credential, file: this.file, agentId: AGENT, host: 'h', version: '1', log: { info: note, warn: note, error: note } },
      this.file.read(),
      { assigned: (inForce) => this.taken.push(inForce), refusedAssignment: () => this.refused++, enrolled: () => {}, broken: (error) => t.fail(error.stack) });
    this.follower.start();
    t.teardown(() => this.stop());
  }

  async stop(): Promise<void> {
    await this.follower.stop();
    await this.channel.close();
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    for (const limit = performance.now() + PATIENCE_MS; !holds(); await sleep(10)) {
      if (performance.now() > limit) throw new Error(`no ${what}; the log: ${this.log.join('\n')}`);
    }
  }

  /** Revision in force; null: none. */
  get revision(): number | null {
    return this.follower.inForce?.assignment.revision ?? null;
  }
}

function makeSite(t: ExecutionContext, oneTimeToken: string, tokenFile: string | null = null): Site {
  const directory = join(temporaryDirectory(t), 'state');
  mkdirSync(directory);
  const enrolTokenFile = join(directory, 'enrol-token');
  writeFileSync(enrolTokenFile, `${oneTimeToken}\n`);
  return { directory, enrolTokenFile, tokenFile };
}

test('enrols once, keeps its token for itself alone, and takes each change', async (t) => {
  const server = await ControlServer.start(t);
  const oneTimeToken = server.makeOneTimeToken();
  const site = makeSite(t, oneTimeToken);
  server.assign(assignmentDocument(AGENT, 1));
  const first = new Start(t, server.url, site);
  await first.until(() => first.revision === 1, 'assignment');
  const etag = server.assign(assignmentDocument(AGENT, 2));
  await first.until(() => first.revision === 2, 'change');
  await server.until(() => server.requests.at(-1)!.headers['if-none-match'] === `"${etag}"`, 'question with the ETag');
  await first.stop();
  for (const name of ['credential.json', 'assignment.json']) t.is(statSync(join(site.directory, name)).mode & 0o777, 0o600, name);

  rmSync(site.enrolTokenFile); // needed the first time only
  const asked = server.count(ASK);
  const second = new Start(t, server.url, site);
  t.is(second.revision, 2, 'known before the network is asked');
  await server.until(() => server.count(ASK) > asked, 'question of the second start');
  t.is(server.requests.at(-1)!.headers['if-none-match'], `"${etag}"`);
  t.is(server.count(ENROL), 1);
  t.is(server.credentials.size, 1);
  const [credential] = server.credentials.keys();
  for (const secret of [oneTimeToken, credential!]) t.false([...first.log, ...second.log].join().includes(secret), 'no token in a log');
});

test('an enrolment whose answer was lost is made again with the same token', async (t) => {
  const server = await ControlServer.start(t);
  server.losesNextEnrolment = true;
  server.assign(assignmentDocument(AGENT, 1));
  const start = new Start(t, server.url, makeSite(t, server.makeOneTimeToken()));
  await start.until(() => start.revision === 1, 'assignment');
  t.is(server.count(ENROL), 2);
  t.is(start.log.filter((text) => text.includes('no answer from the collector')).length, 1);
});

test('a refused enrolment is told and tried again; a token that is repaired is found', async (t) => {
  const server = await ControlServer.start(t);
  server.assign(assignmentDocument(AGENT, 1));
  const site = makeSite(t, 'weir_enrol_wrong');
  const start = new Start(t, server.url, site);
  await start.until(() => start.log.some((text) => text.includes('the one-time token is used up')), 'refusal in the log');
  t.is(start.follower.phase, 'enrolling');
  t.regex(start.follower.problem ?? '', /401 the one-time token is used up/);
  rmSync(site.enrolTokenFile);
  start.follower.wake();
  await start.until(() => start.log.some((text) => text.includes('cannot be read')), 'missing file in the log');
  writeFileSync(site.enrolTokenFile, server.makeOneTimeToken());
  start.follower.wake();
  await start.until(() => start.revision === 1, 'assignment');
  t.is(start.follower.problem, null);
});

test('an assignment that cannot be used changes nothing, and is not asked for again', async (t) => {
  const server = await ControlServer.start(t);
  const site = makeSite(t, server.makeOneTimeToken());
  server.assign(assignmentDocument(AGENT, 1));
  const start = new Start(t, server.url, site);
  await start.until(() => start.revision === 1, 'assignment');
  const unusable: [Parameters<ControlServer['assign']>[0], RegExp][] = [
    ['{"agent-id":', /JSON/],
    [assignmentDocument('host-2', 2), /that of the agent "host-2"/],
    [assignmentDocument(AGENT, 2, { window: 0 }), /window of 0 seconds/],
    [assignmentDocument(AGENT, 2, { watch: { 'eni-else': 'All' } }), /watches eni-else/],
    [assignmentDocument(AGENT, 2, { members: { 'sg-1': ['10.0.0.300'] } }), /lists of addresses/],
    [assignmentDocument(AGENT, 2, { topology: { enis: [{ 'eni-id': 'eni-here', 'security-groups': ['sg-none'] }] } }), /sg-none/],
  ];
  for (const [index, [document, reason]] of unusable.entries()) {
    const etag = server.assign(document);
    await start.until(() => start.refused === index + 1, 'refusal');
    t.regex(start.log.at(-1)!, reason);
    t.regex(start.log.at(-1)!, /^the assignment of revision 1 stays/);
    await server.until(() => server.requests.at(-1)!.headers['if-none-match'] === `"${etag}"`, 'next question');
  }
  t.is(server.count(ASK), 2 + unusable.length);
  t.deepEqual(start.taken.map((inForce) => inForce?.assignment.revision), [1]);
  t.is(start.file.read()?.assignment.revision, 1, 'the one that is kept');
  server.assign(assignmentDocument(AGENT, 3));
  await start.until(() => start.revision === 3, 'the next one');
});

test('a damaged assignment on disk is an error with its path; one of another agent too', (t) => {
  const directory = temporaryDirectory(t);
  const file = new AssignmentFile(directory, AGENT);
  t.is(file.read(), null);
  file.keep({ etag: 'a', text: JSON.stringify(assignmentDocument(AGENT, 7)) });
  t.is(file.read()?.assignment.revision, 7);
  const path = join(directory, 'assignment.json');
  const whole = readFileSync(path, 'utf8');
  for (const damaged of ['', '{}', 'null', whole.slice(0, -20), whole.replace('\\"revision\\":7', '\\"revision\\":-7')]) {
    writeFileSync(path, damaged);
    t.throws(() => file.read(), { message: /assignment\.json/ }, damaged);
  }
  file.keep({ etag: 'a', text: JSON.stringify(assignmentDocument('host-2', 7)) });
  t.throws(() => file.read(), { message: /host-2/ });
});

test('revoked: nothing is watched, nothing is kept; a new one-time token lets the agent in again', async (t) => {
  const server = await ControlServer.start(t);
  const site = makeSite(t, server.makeOneTimeToken());
  server.assign(assignmentDocument(AGENT, 1));
  const start = new Start(t, server.url, site);
  await start.until(() => start.revision === 1, 'assignment');
  server.revokeAll();
  await start.until(() => start.follower.phase === 'revoked', 'revocation');
  t.is(start.taken.at(-1), null);
  t.false(existsSync(join(site.directory, 'assignment.json')));
  t.regex(start.log.join('\n'), /NOTHING IS WATCHED ANY MORE/);
  start.follower.wake();
  await server.until(() => server.count(ASK) === 3, 'question with the old credential');
  t.is(server.count(ENROL), 1, 'the one-time token that is used up is not sent again');
  rmSync(site.enrolTokenFile);
  start.follower.wake();
  await server.until(() => server.count(ASK) === 4, 'question without a one-time token');
  writeFileSync(site.enrolTokenFile, server.makeOneTimeToken());
  start.follower.wake();
  await start.until(() => start.revision === 1, 'assignment after the second enrolment');
  t.is(start.follower.phase, 'assigned');
  t.is(start.file.read()?.assignment.revision, 1);
});

test('only a collector revokes: the 401 of a proxy, and no answer at all, leave the assignment in force', async (t) => {
  const server = await ControlServer.start(t);
  server.assign(assignmentDocument(AGENT, 1));
  const start = new Start(t, server.url, makeSite(t, server.makeOneTimeToken()));
  await start.until(() => start.revision === 1, 'assignment');
  server.script.push({ status: 401, headers: { 'content-type': 'text/html' }, body: '<h1>Who are you?</h1>' });
  start.follower.wake();
  await start.until(() => start.log.some((text) => /no Weir collector that manages agents: 401 <h1>.*the last assignment stays/.test(text)), 'complaint');
  t.is(start.follower.phase, 'assigned');
  await server.stop();
  await start.until(() => start.log.some((text) => /ECONNREFUSED.*the last assignment stays/.test(text)), 'complaint about the connection');
  t.is(start.revision, 1);
  t.deepEqual(start.taken.map((inForce) => inForce?.assignment.revision), [1]);
});

test('Retry-After is honoured, and a collector that does not hold the question is not asked without end', async (t) => {
  const server = await ControlServer.start(t);
  server.assign(assignmentDocument(AGENT, 1));
  const start = new Start(t, server.url, makeSite(t, server.makeOneTimeToken()));
  await start.until(() => start.revision === 1, 'assignment');
  await server.until(() => server.count(ASK) === 2, 'question that waits');
  server.script.push({ status: 503, headers: { 'content-type': 'application/problem+json', 'retry-after': '2' }, body: '{"detail":"busy"}' });
  start.follower.wake();
  await server.until(() => server.count(ASK) === 4, 'question after the busy answer');
  const [busy, next] = server.requests.filter(({ what }) => what === ASK).slice(-2);
  t.true(next!.atMs - busy!.atMs >= 1990, `${next!.atMs - busy!.atMs} ms`);
  server.holds = false;
  const asked = server.count(ASK);
  const askedMs = performance.now();
  start.follower.wake();
  await sleep(1500);
  const more = server.count(ASK) - asked;
  const seconds = (performance.now() - askedMs) / 1000;
  t.true(more >= 1 && more <= 1 + seconds, `${more} questions in ${seconds.toFixed(1)} s`);
});

test('a token that is given takes the place of enrolment, and is read again when it is not good', async (t) => {
  const server = await ControlServer.start(t);
  server.assign(assignmentDocument(AGENT, 1));
  const tokenFile = join(temporaryDirectory(t), 'token');
  writeFileSync(tokenFile, 'weir_ingest_old\n');
  const start = new Start(t, server.url, makeSite(t, server.makeOneTimeToken(), tokenFile));
  await start.until(() => start.follower.phase === 'revoked', 'refusal');
  server.credentials.set('weir_ingest_new', { agentId: AGENT, isUsed: false });
  writeFileSync(tokenFile, 'weir_ingest_new\n');
  start.follower.wake();
  await start.until(() => start.revision === 1, 'assignment');
  t.is(server.count(ENROL), 0);
});

test('without a way to get a token the agent does not start', (t) => {
  const directory = temporaryDirectory(t);
  const settings = { tokenFile: null, enrolTokenFile: null };
  t.throws(() => new AgentCredential({ agentId: AGENT, settings, givenToken: null, directory }), { message: /enrol-token-file/ });
  t.is(new AgentCredential({ agentId: AGENT, settings, givenToken: null, directory: null }).token, null, 'one that nobody manages may need none');
  t.throws(() => new AgentCredential({ agentId: AGENT, settings: { ...settings, tokenFile: join(directory, 'none') }, givenToken: null, directory }), { message: /cannot be read/ });
  writeFileSync(join(directory, 'credential.json'), '{"agent-id":"host-1","token":"x"');
  t.throws(() => new AgentCredential({ agentId: AGENT, settings, givenToken: null, directory }), { message: /no token yet/ }, 'damaged');
  writeFileSync(join(directory, 'credential.json'), '{"agent-id":"host-2","token":"x","enrolled-with":""}');
  t.throws(() => new AgentCredential({ agentId: AGENT, settings, givenToken: null, directory }), { message: /no token yet/ }, "another agent's");
});
