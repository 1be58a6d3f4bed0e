import { join } from 'node:path';
import { DuckDBInstance, StatementType, type DuckDBConnection, type DuckDBPreparedStatement } from '@duckdb/node-api';
import { sqlString } from '../sql/literal.ts';
import { RefusedStatement } from '../sql/statement-check.ts';
import { FIXED_STATEMENTS, storedViewStatement } from '../sql/log-view.ts';
import type { WorkerJob } from './worker-job.ts';

/** Name of the file that a Parquet answer goes to, in the job's folder. */
export const PARQUET_ANSWER = 'answer.parquet';

/**
 * A database in memory that can read the job's files and nothing else. Made anew for each job, because its settings are
 * locked.
 */
export class LockedDatabase {
  readonly connection: DuckDBConnection;
  private readonly instance: DuckDBInstance;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.instance = instance;
    this.connection = connection;
  }

  /** What does not depend on the job, done before there is one: making a database takes longer than many queries. */
  static async prepare(): Promise<LockedDatabase> {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await connection.run(FIXED_STATEMENTS.join(';'));
    return new LockedDatabase(instance, connection);
  }

  /** With `withView` false the views stay empty, and no file is opened. */
  async open(job: WorkerJob, withView = true): Promise<void> {
    const readable = job.format === 'parquet' ? [...job.files, join(job.directory, PARQUET_ANSWER)] : job.files;
    // The order matters: the folder to spill to and the files allowed cannot be set after external access is off.
    const settings = [
      `threads = ${job.limits.threads}`,
      `temp_directory = ${sqlString(join(job.directory, 'spill'))}`,
      `max_temp_directory_size = '${job.limits.spillBytes}B'`,
      `memory_limit = '${job.limits.memoryBytes}B'`,
      `allowed_paths = [${readable.map(sqlString).join(', ')}]`,
      'autoinstall_known_extensions = false',
      'autoload_known_extensions = false',
      'errors_as_json = true',
      "TimeZone = 'UTC'",
      // Bits of a group's key up to which groups are an array: those of a port, absent included.
      'perfect_ht_threshold = 17',
      // A statement is bound several times before it runs; files do not change.
      'parquet_metadata_cache = true',
      'enable_external_access = false',
      'lock_configuration = true',
    ];
    await this.connection.run(settings.map((setting) => `SET ${setting}`).join(';'));
    if (withView) await this.connection.run(storedViewStatement(job.files, job.predicate));
    await this.connection.run('BEGIN TRANSACTION READ ONLY');
  }

  /** Prepares text that must be exactly one SELECT. */
  async prepareSelect(sql: string): Promise<DuckDBPreparedStatement> {
    const statements = await this.connection.extractStatements(sql);
    if (statements.count !== 1) throw new RefusedStatement('one SELECT is allowed, and no ; between two', null);
    const prepared = await statements.prepare(0);
    if (prepared.statementType !== StatementType.SELECT) throw new RefusedStatement('only SELECT is allowed', null);
    return prepared;
  }

  /** The one text value that a statement of Weir's own gives. */
  async text(sql: string): Promise<string> {
    const reader = await this.connection.runAndReadAll(sql);
    return String(reader.getRows()[0]?.[0]);
  }

  close(): void {
    this.connection.closeSync();
    this.instance.closeSync();
  }
}
