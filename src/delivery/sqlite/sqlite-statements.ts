const FREE = "batch IS NULL AND settled_at IS NULL";
const OF_STORE = "store_id IN (SELECT value FROM json_each(?))";
const AFTER = "number > ?";
const STATE = `CASE WHEN buried_at IS NOT NULL THEN 'dead' WHEN settled_at IS NOT NULL THEN 'settled'
  WHEN batch IS NOT NULL THEN 'held' ELSE 'waiting' END`;
const OLD_ENOUGH = "accepted_at <= ?";

/** The statements of the journal. Values follow the order of the question marks. */
export const SQL = {
  insert: `INSERT INTO delivery (id, ticket_id, cache_id, store_id, repository, request, context, accepted_at, ready_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
  // The id of a delivery begins with its ticket's and a slash; the character behind a slash is `0`.
  findConflict: `SELECT 1 FROM delivery WHERE id >= ? || '/' AND id < ? || '0' AND request <> ? LIMIT 1`,
  addLane: "INSERT OR IGNORE INTO lane VALUES (?, 0)",

  findLapsed: "SELECT token FROM batch WHERE held_until <= ?",
  buryCrashed: `UPDATE delivery SET batch = NULL, crashes = crashes + 1, settled_at = ?, buried_at = ?, code = ?, message = ?,
    result = NULL, is_told = 0 WHERE batch = ? AND crashes + 1 >= ?`,
  freeCrashed: "UPDATE delivery SET batch = NULL, crashes = crashes + 1, ready_at = ? WHERE batch = ?",
  endBatch: "DELETE FROM batch WHERE token = ?",

  // In each lane with room, the delivery that was ready first; of these the one whose lane was served longest
  // ago.
  findLeader: `SELECT delivery.* FROM lane JOIN delivery ON delivery.number = (
      SELECT number FROM delivery AS own WHERE own.cache_id = lane.cache_id AND ${FREE} AND ${OF_STORE} AND ${OLD_ENOUGH}
        AND ready_at <= ? AND (attempts > 0 OR accepted_at <= ?)
      ORDER BY ready_at, number LIMIT 1)
    WHERE lane.cache_id NOT IN (SELECT value FROM json_each(?))
      AND (? IS NULL OR lane.cache_id = ?)
      AND (SELECT count(*) FROM batch WHERE batch.cache_id = lane.cache_id) < ?
    ORDER BY served_at, delivery.ready_at, delivery.number LIMIT 1`,
  findCompanions: `SELECT * FROM delivery WHERE cache_id = ? AND store_id = ? AND repository = ? AND ${FREE}
      AND min(crashes, 2) = ? AND ${OLD_ENOUGH} AND (attempts = 0 OR ready_at <= ?) AND number <> ?
    ORDER BY ready_at, number LIMIT ?`,
  insertBatch: "INSERT INTO batch (cache_id, owner, held_until) VALUES (?, ?, ?) RETURNING token",
  hold: "UPDATE delivery SET batch = ?, attempts = attempts + 1 WHERE number = ?",
  serve: "UPDATE lane SET served_at = ? WHERE cache_id = ?",

  findBatch: "SELECT token FROM batch WHERE token = ? AND held_until > ?",
  renew: "UPDATE batch SET held_until = ? WHERE token = ? AND held_until > ?",
  done: `UPDATE delivery SET batch = NULL, settled_at = ?, result = ?, is_told = ?, progress = NULL
    WHERE id = ? AND batch = ?`,
  dead: `UPDATE delivery SET batch = NULL, settled_at = ?, result = ?, is_told = ?, progress = ?, buried_at = ?, code = ?,
    message = ? WHERE id = ? AND batch = ?`,
  retry:
    "UPDATE delivery SET batch = NULL, ready_at = ?, progress = ?, crashes = 0 WHERE id = ? AND batch = ?",
  release: "UPDATE delivery SET batch = NULL, attempts = attempts - 1 WHERE id = ? AND batch = ?",
  endEmptyBatch: "DELETE FROM batch WHERE token = ? AND NOT EXISTS (SELECT 1 FROM delivery WHERE batch = ?)",
  prune: `DELETE FROM delivery WHERE number IN (SELECT number FROM delivery
    WHERE settled_at IS NOT NULL AND settled_at <= ? AND buried_at IS NULL AND (is_told = 1 OR settled_at <= ?) LIMIT 1000)`,

  nextReady: `SELECT min(CASE WHEN attempts = 0 THEN max(ready_at, accepted_at + ?) ELSE ready_at END) AS at FROM delivery
    WHERE ${FREE} AND ${OF_STORE} AND (CASE WHEN attempts = 0 THEN max(ready_at, accepted_at + ?) ELSE ready_at END) > ?`,
  nextLapse: "SELECT min(held_until) AS at FROM batch WHERE held_until > ?",

  untold: `SELECT * FROM delivery WHERE is_told = 0 AND settled_at <= ? AND ${AFTER} ORDER BY number LIMIT ?`,
  outcomesOf:
    "SELECT * FROM delivery WHERE id IN (SELECT value FROM json_each(?)) AND settled_at IS NOT NULL",
  acknowledge: "UPDATE delivery SET is_told = 1 WHERE is_told = 0 AND id = ?",

  deadLetters: `SELECT * FROM delivery WHERE buried_at IS NOT NULL AND ${AFTER} ORDER BY number LIMIT ?`,
  replay: `UPDATE delivery SET settled_at = NULL, result = NULL, is_told = 1, progress = NULL, buried_at = NULL, code = NULL,
    message = NULL, attempts = 0, crashes = 0, accepted_at = ?, ready_at = ? WHERE id = ? AND buried_at IS NOT NULL`,
  // Untold outcomes are still told; after that they are pruned.
  dropUntold: "UPDATE delivery SET buried_at = NULL WHERE id = ? AND buried_at IS NOT NULL AND is_told = 0",
  drop: "DELETE FROM delivery WHERE id = ? AND buried_at IS NOT NULL AND is_told = 1",
  list: `SELECT * FROM delivery WHERE ${AFTER} AND (? IS NULL OR cache_id = ?)
      AND (? IS NULL OR ${STATE} IN (SELECT value FROM json_each(?))) ORDER BY number LIMIT ?`,
  find: "SELECT * FROM delivery WHERE id IN (SELECT value FROM json_each(?)) ORDER BY number",
  cancel: `UPDATE delivery SET settled_at = ?, code = ?, message = ?, result = NULL, is_told = 0 WHERE id = ? AND ${FREE}`,
  stats: `SELECT cache_id, sum(batch IS NULL AND settled_at IS NULL) AS waiting, sum(batch IS NOT NULL) AS held,
      sum(buried_at IS NOT NULL) AS dead, min(CASE WHEN settled_at IS NULL THEN accepted_at END) AS oldest,
      sum(CASE WHEN settled_at IS NULL THEN attempts ELSE 0 END) AS attempts
    FROM delivery WHERE (settled_at IS NULL OR buried_at IS NOT NULL)
      AND (? IS NULL OR store_id IN (SELECT value FROM json_each(?))) GROUP BY cache_id`,
  dataVersion: "PRAGMA data_version",
} as const;
