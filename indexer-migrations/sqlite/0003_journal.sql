-- When what was recorded, so that "what did we answer on 3 March, and why" has an answer.
--
-- The sister file in ../postgres says the same in the other database's words; the two change together.

-- One entry for each time that facts of a chain were written, by our own clock in milliseconds, never going back. number
-- and hash: where the index stood afterwards; null before its first page. safe, finalized: what the node had said of
-- that when it was last asked. Of pages without a fact that follow each other within a minute there is one entry, whose
-- time is that of the last: is_quiet = 1.
CREATE TABLE journal (
    chain_id    INTEGER NOT NULL REFERENCES chains (chain_id),
    entry       INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    number      INTEGER,
    hash        BLOB,
    safe        INTEGER,
    finalized   INTEGER,
    is_quiet    INTEGER NOT NULL CHECK (is_quiet IN (0, 1)),
    PRIMARY KEY (chain_id, entry)
) STRICT, WITHOUT ROWID;

-- Times at which a block was canonical, of those that were reorged out since: from the entry `began` until `ended`. One
-- that came back has another time, which blocks.recorded begins.
CREATE TABLE spells (
    chain_id INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    began    INTEGER NOT NULL,
    ended    INTEGER NOT NULL,
    PRIMARY KEY (chain_id, number, hash, began)
) STRICT, WITHOUT ROWID;

-- Logs that came later than the block they are in, as when their contract was found late or a node had left them out.
CREATE TABLE late_logs (
    contract_id INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    block_hash  BLOB NOT NULL,
    log_index   INTEGER NOT NULL,
    recorded    INTEGER NOT NULL,
    PRIMARY KEY (contract_id, number, block_hash, log_index)
) STRICT, WITHOUT ROWID;
