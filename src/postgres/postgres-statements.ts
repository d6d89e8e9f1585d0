const FREE = "batch IS NULL AND settled_at IS NULL";
/**
 * The server's clock; `now()` stands still within a transaction. It is read once a statement, so that an
 * index can be used.
 */
const CLOCK = "clock AS MATERIALIZED (SELECT clock_timestamp() AS now)";
const NOW = "(SELECT now FROM clock)";
const STATE = `CASE WHEN buried_at IS NOT NULL THEN 'dead' WHEN settled_at IS NOT NULL THEN 'settled'
  WHEN batch IS NOT NULL THEN 'held' ELSE 'waiting' END`;

/** The states of a delivery, each with its condition. */
const STATES = [
  ["waiting", FREE],
  ["held", "batch IS NOT NULL"],
  ["settled", "settled_at IS NOT NULL AND buried_at IS NULL"],
  ["dead", "buried_at IS NOT NULL"],
] as const;

const toMs = (interval: string): string => `extract(epoch FROM ${interval})::float8 * 1000`;
const ofMs = (value: string): string => `${value}::float8 * interval '1 ms'`;

const IDENTITY = "number, id, ticket_id, cache_id, store_id, repository, request, context";
const RECORD = `${IDENTITY}, ${STATE} AS state, attempts, crashes, code, message,
  ${toMs("clock_timestamp() - accepted_at")} AS age_ms, ${toMs("ready_at - clock_timestamp()")} AS ready_in_ms`;
const OUTCOME = "number, id, ticket_id, cache_id, request, result, code, message";

/**
 * Parameters `$1` to `$4` of the query for what may be taken: stores, excluded caches, the only cache,
 * durations.
 */
const DUE = `${FREE} AND ready_at <= ${NOW} AND (attempts > 0 OR ready_at <= ${NOW} - ${ofMs("$4")})
  AND accepted_at <= ${NOW} - ${ofMs("$5")}`;

/**
 * The statements, with placeholders for table names. A delivery that was never leased has been ready since
 * acceptance, so one index serves both queries.
 */
const TEMPLATES = {
  // Requests of one ticket are compared one after another, on any host. The number of locks is small, however
  // many tickets there are.
  lockTickets: `SELECT pg_advisory_xact_lock(:lock, slot)
    FROM (SELECT DISTINCT abs(hashtext(ticket_id)) % 1024 AS slot FROM unnest($1::text[]) AS asked (ticket_id) ORDER BY 1) AS slots`,
  // The id of a delivery begins with its ticket's and a slash; the character behind a slash is `0`.
  findConflict: `SELECT 1 FROM unnest($1::text[], $2::text[]) AS asked (ticket_id, request), LATERAL (
      SELECT 1 FROM :delivery AS known WHERE known.id >= asked.ticket_id || '/' AND known.id < asked.ticket_id || '0'
        AND known.request <> asked.request LIMIT 1) AS other LIMIT 1`,
  addLanes: `INSERT INTO :lane (cache_id) SELECT DISTINCT cache_id FROM unnest($1::text[]) AS asked (cache_id)
    WHERE NOT EXISTS (SELECT 1 FROM :lane WHERE lane.cache_id = asked.cache_id) ORDER BY 1 ON CONFLICT DO NOTHING`,
  insert: `WITH ${CLOCK}
    INSERT INTO :delivery (id, ticket_id, cache_id, store_id, repository, request, context, accepted_at, ready_at)
    SELECT id, ticket_id, cache_id, store_id, repository, request, context, ${NOW}, ${NOW}
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[]) WITH ORDINALITY
      AS asked (id, ticket_id, cache_id, store_id, repository, request, context, place)
    ORDER BY place ON CONFLICT (id) DO NOTHING RETURNING id`,
  notify: `SELECT pg_notify($1, '')`,

  // For each lane with room, whether something may be taken; the lane that was served longest ago comes
  // first.
  findDue: `WITH ${CLOCK}, due AS (
      SELECT lane.cache_id, min(lane.served_at) AS served_at, min(first.ready_at) AS ready_at, min(first.number) AS number
      FROM :lane, unnest($1::text[]) AS store (id), LATERAL (
        SELECT ready_at, number FROM :delivery
        WHERE cache_id = lane.cache_id AND store_id = store.id AND ${DUE} ORDER BY ready_at, number LIMIT 1) AS first
      WHERE lane.cache_id <> ALL ($2::text[]) AND ($3::text IS NULL OR lane.cache_id = $3)
        AND (SELECT count(*) FROM :batch WHERE batch.cache_id = lane.cache_id) < $6
      GROUP BY lane.cache_id)
    SELECT EXISTS (SELECT 1 FROM :batch WHERE held_until <= ${NOW}) AS has_lapsed,
      ARRAY(SELECT cache_id FROM due ORDER BY served_at, ready_at, number LIMIT 64) AS caches`,
  lockLane: `SELECT cache_id FROM :lane WHERE cache_id = ANY ($1::text[])
    ORDER BY array_position($1::text[], cache_id::text) LIMIT 1 FOR UPDATE SKIP LOCKED`,
  awaitLane: `SELECT cache_id FROM :lane WHERE cache_id = $1 FOR UPDATE`,
  // What other hosts hold is counted in a separate statement, which sees what they did before the lane became
  // free.
  insertBatch: `WITH inserted AS (
      INSERT INTO :batch (cache_id, owner, held_until) SELECT $1, $2, clock_timestamp() + ${ofMs("$3")}
      WHERE (SELECT count(*) FROM :batch WHERE cache_id = $1) < $4 RETURNING token, cache_id),
    served AS (UPDATE :lane SET served_at = token FROM inserted WHERE lane.cache_id = inserted.cache_id)
    SELECT token FROM inserted`,
  findLeader: `WITH ${CLOCK}
    SELECT first.* FROM unnest($1::text[]) AS store (id), LATERAL (
      SELECT store_id, repository, crashes, ready_at, number FROM :delivery
      WHERE cache_id = $3 AND cache_id <> ALL ($2::text[]) AND store_id = store.id AND ${DUE}
      ORDER BY ready_at, number LIMIT 1) AS first
    ORDER BY first.ready_at, first.number LIMIT 1`,
  // The first ready row leads its repository, so it is also the first of its batch.
  hold: `WITH ${CLOCK}, taken AS MATERIALIZED (
      SELECT number AS place FROM :delivery
      WHERE cache_id = $2 AND store_id = $3 AND repository = $4 AND ${FREE} AND ready_at <= ${NOW}
        AND least(crashes, 2) = $5 AND accepted_at <= ${NOW} - ${ofMs("$6")}
      ORDER BY ready_at, number LIMIT $7 FOR UPDATE SKIP LOCKED)
    UPDATE :delivery SET batch = $1, attempts = attempts + 1 FROM taken WHERE number = place
    RETURNING ${IDENTITY}, attempts, crashes, progress, ${toMs(`${NOW} - accepted_at`)} AS age_ms,
      extract(epoch FROM ready_at)::float8 AS ready_at`,
  takeBack: `DELETE FROM :batch WHERE token IN (
    SELECT token FROM :batch WHERE held_until <= clock_timestamp() FOR UPDATE SKIP LOCKED) RETURNING token`,
  crash: `UPDATE :delivery SET batch = NULL, crashes = crashes + 1, ready_at = clock_timestamp(),
      settled_at = CASE WHEN crashes + 1 >= $2 THEN clock_timestamp() END,
      buried_at = CASE WHEN crashes + 1 >= $2 THEN clock_timestamp() END,
      code = CASE WHEN crashes + 1 >= $2 THEN $3 END, message = CASE WHEN crashes + 1 >= $2 THEN $4 END,
      result = NULL, is_told = crashes + 1 < $2
    WHERE batch = ANY ($1::bigint[])`,

  lockBatch: `SELECT token FROM :batch WHERE token = $1 AND held_until > clock_timestamp() FOR UPDATE`,
  renew: `UPDATE :batch SET held_until = clock_timestamp() + ${ofMs("$2")}
    WHERE token = ANY ($1::bigint[]) AND held_until > clock_timestamp() RETURNING token`,
  settle: `UPDATE :delivery AS known SET batch = NULL,
      settled_at = CASE WHEN verdict.status IN ('done', 'dead') THEN clock_timestamp() END,
      buried_at = CASE WHEN verdict.status = 'dead' THEN clock_timestamp() END,
      ready_at = CASE WHEN verdict.status = 'retry' THEN clock_timestamp() + ${ofMs("verdict.in_ms")} ELSE ready_at END,
      attempts = attempts - CASE WHEN verdict.status = 'released' THEN 1 ELSE 0 END,
      crashes = CASE WHEN verdict.status = 'retry' THEN 0 ELSE crashes END,
      progress = CASE WHEN verdict.status = 'released' THEN known.progress ELSE verdict.progress END,
      result = verdict.result, is_told = verdict.is_told, code = verdict.code, message = verdict.message
    FROM unnest($2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[], $8::text[], $9::float8[])
      AS verdict (id, status, result, is_told, progress, code, message, in_ms)
    WHERE known.id = verdict.id AND known.batch = $1`,
  endEmptyBatch: `DELETE FROM :batch WHERE token = $1 AND NOT EXISTS (SELECT 1 FROM :delivery WHERE batch = $1)`,
  // Untold outcomes are searched in a partial index.
  pruneTold: `WITH ${CLOCK}, ripe AS MATERIALIZED (
      SELECT number AS place FROM :delivery
      WHERE settled_at IS NOT NULL AND buried_at IS NULL AND is_told AND settled_at <= ${NOW} - ${ofMs("$1")}
      ORDER BY settled_at LIMIT $2 FOR UPDATE SKIP LOCKED)
    DELETE FROM :delivery USING ripe WHERE number = place`,
  pruneUntold: `WITH ${CLOCK}, ripe AS MATERIALIZED (
      SELECT number AS place FROM :delivery
      WHERE NOT is_told AND buried_at IS NULL AND settled_at <= ${NOW} - ${ofMs("$1")}
      ORDER BY number LIMIT $2 FOR UPDATE SKIP LOCKED)
    DELETE FROM :delivery USING ripe WHERE number = place`,

  // What only waits for a time: the first of each lane that is not ready yet, and the first that waits for
  // others to share its batch.
  nextInMs: `WITH ${CLOCK}
    SELECT ${toMs(`min(at) - ${NOW}`)} AS in_ms FROM (
      SELECT first.at FROM :lane, unnest($1::text[]) AS store (id), LATERAL (
        (SELECT ready_at AS at FROM :delivery WHERE cache_id = lane.cache_id AND store_id = store.id AND ${FREE}
          AND ready_at > ${NOW} ORDER BY ready_at LIMIT 1)
        UNION ALL
        (SELECT ready_at + ${ofMs("$2")} FROM :delivery WHERE cache_id = lane.cache_id AND store_id = store.id AND ${FREE}
          AND ready_at > ${NOW} - ${ofMs("$2")} AND ready_at <= ${NOW} AND attempts = 0 ORDER BY ready_at LIMIT 1)) AS first
      UNION ALL SELECT min(held_until) FROM :batch WHERE held_until > ${NOW}) AS times`,

  untold: `SELECT ${OUTCOME} FROM :delivery WHERE NOT is_told AND settled_at <= clock_timestamp() - ${ofMs("$1")} AND number > $2
    ORDER BY number LIMIT $3`,
  outcomesOf: `SELECT ${OUTCOME} FROM :delivery WHERE id = ANY ($1::text[]) AND settled_at IS NOT NULL`,
  acknowledge: `UPDATE :delivery SET is_told = true WHERE id = ANY ($1::text[]) AND NOT is_told AND settled_at IS NOT NULL`,

  deadLetters: `SELECT ${IDENTITY}, code, message, progress, ${toMs("buried_at")} AS buried_at FROM :delivery
    WHERE buried_at IS NOT NULL AND number > $1 ORDER BY number LIMIT $2`,
  replay: `UPDATE :delivery SET settled_at = NULL, result = NULL, is_told = true, progress = NULL, buried_at = NULL, code = NULL,
      message = NULL, attempts = 0, crashes = 0, accepted_at = clock_timestamp(), ready_at = clock_timestamp()
    WHERE id = ANY ($1::text[]) AND buried_at IS NOT NULL RETURNING 1`,
  drop: `DELETE FROM :delivery WHERE id = ANY ($1::text[]) AND buried_at IS NOT NULL AND is_told RETURNING 1`,
  // Untold outcomes are still told; after that they are pruned.
  dropUntold: `UPDATE :delivery SET buried_at = NULL
    WHERE id = ANY ($1::text[]) AND buried_at IS NOT NULL AND NOT is_told RETURNING 1`,
  // Each state has an index of its own.
  list: `SELECT * FROM (${STATES.map(
    ([state, condition]) => `(SELECT ${RECORD} FROM :delivery WHERE ${condition} AND number > $1
      AND ($2::text IS NULL OR cache_id = $2) AND ($3::text[] IS NULL OR '${state}' = ANY ($3)) ORDER BY number LIMIT $4)`,
  ).join(" UNION ALL ")}) AS records ORDER BY number LIMIT $4`,
  find: `SELECT ${RECORD} FROM :delivery WHERE id = ANY ($1::text[]) ORDER BY number`,
  cancel: `UPDATE :delivery SET settled_at = clock_timestamp(), code = $2, message = $3, result = NULL, is_told = false
    WHERE id = ANY ($1::text[]) AND ${FREE} RETURNING id`,
  stats: `SELECT cache_id, count(*) FILTER (WHERE state = 'waiting') AS waiting, count(*) FILTER (WHERE state = 'held') AS held,
      count(*) FILTER (WHERE state = 'dead') AS dead, coalesce(sum(attempts) FILTER (WHERE state <> 'dead'), 0) AS attempts,
      coalesce(${toMs("clock_timestamp() - min(accepted_at) FILTER (WHERE state <> 'dead')")}, 0) AS oldest_ms
    FROM (${STATES.filter(([state]) => state !== "settled")
      .map(
        ([state, condition]) => `SELECT cache_id, '${state}' AS state, attempts, accepted_at FROM :delivery
          WHERE ${condition} AND ($1::text[] IS NULL OR store_id = ANY ($1))`,
      )
      .join(" UNION ALL ")}) AS known GROUP BY cache_id`,
} as const;

/** The statements of one schema. */
export type Statements = { readonly [Name in keyof typeof TEMPLATES]: string };

const NAMES: readonly (keyof Statements)[] = Object.keys(TEMPLATES).filter(
  (name): name is keyof Statements => name in TEMPLATES,
);

/** @param schema - its quoted name */
export function createStatements(schema: string): Statements {
  const fill = (template: string): string =>
    template
      .replaceAll(":lock", String(hash(schema)))
      .replaceAll(/:(delivery|lane|batch)/gu, (_place, table: string) => `${schema}.${table}`);
  const statements: { -readonly [Name in keyof Statements]: string } = { ...TEMPLATES };
  for (const name of NAMES) statements[name] = fill(TEMPLATES[name]);
  return statements;
}

/** A number for a schema, so that schemas of one database do not wait for each other. */
function hash(schema: string): number {
  let value = 0;
  for (const character of schema) value = (Math.imul(value, 31) + (character.codePointAt(0) ?? 0)) | 0;
  return value;
}
