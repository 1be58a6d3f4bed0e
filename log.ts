import winston from 'winston';

export type Logger = winston.Logger;

/** Logs go to stderr: plain lines for a person, JSON for whoever collects the logs of a daemon. */
export function createLogger(level: string, format: 'text' | 'json'): Logger {
  const forPeople = winston.format.printf(({ level: severity, message }) => `weir: ${severity === 'info' ? '' : `${severity}: `}${String(message)}`);
  const forMachines = winston.format.combine(winston.format.timestamp(), winston.format.json());
  return winston.createLogger({
    level,
    format: format === 'text' ? forPeople : forMachines,
    transports: [new winston.transports.Console({ stderrLevels: Object.keys(winston.config.npm.levels) })],
  });
}
