-- What logs alone do not tell, and logs that turned out to be none.
--
-- The sister file in ../postgres says the same in the other database's words; the two change together.

-- What a contract answered to a call after a block: the state that a constructor or initializer left without an
-- event, which code stood behind a proxy after an upgrade, which contract decides about an app id. Each holds for
-- the state after its block, on the branch of that block; on a block that was reorged out it answers nothing.
-- Never changed: another answer is a fact about another block. subject: which compose hash, device or app id was
-- asked about; empty where there is only one of it. recorded: the entry of the journal with which it came.
CREATE TABLE readings (
    contract_id INTEGER NOT NULL REFERENCES contracts (id),
    number      INTEGER NOT NULL,
    block_hash  BLOB NOT NULL,
    what        TEXT NOT NULL,
    subject     BLOB NOT NULL,
    value       BLOB NOT NULL,
    recorded    INTEGER NOT NULL,
    PRIMARY KEY (contract_id, number, block_hash, what, subject)
) STRICT, WITHOUT ROWID;

-- Which contracts were said to decide about an app id. Most readings are about nothing but the contract that was asked.
CREATE INDEX readings_subject ON readings (subject, what) WHERE length(subject) > 0;

-- Logs that a node gave and that the chain does not have: refuted by the header of the block they claim to be in, by
-- its receipts, or by the contract's own history root. They were taken out of the facts, where they answered questions, and
-- are kept here for whoever asks what was answered and why. why: what refuted it. head: where the index stood then.
-- They were believed from the entry `since` of the journal until the entry `recorded`.
CREATE TABLE refuted_logs (
    id          INTEGER PRIMARY KEY,
    contract_id INTEGER NOT NULL REFERENCES contracts (id),
    number      INTEGER NOT NULL,
    block_hash  BLOB NOT NULL,
    unix_time   INTEGER NOT NULL,
    log_index   INTEGER NOT NULL,
    tx_index    INTEGER NOT NULL,
    tx_hash     BLOB NOT NULL,
    topics      BLOB NOT NULL,
    data        BLOB NOT NULL,
    why         TEXT NOT NULL,
    head        INTEGER NOT NULL,
    since       INTEGER NOT NULL,
    recorded    INTEGER NOT NULL
) STRICT;

CREATE INDEX refuted_logs_contract ON refuted_logs (contract_id, number);
