-- What devproof knows about chains, on SQLite.
--
-- The sister file in ../postgres says the same in PostgreSQL's words; the two change together. Tables are STRICT so
-- that SQLite refuses a text where a number belongs, as PostgreSQL does. Numbers are 64-bit signed integers on both;
-- times are Unix seconds of block time, except polled_at, which is our own clock.

-- A chain that is followed. The checkpoint is the last block up to which everything is in this database; it moves
-- only in the transaction that writes the data. The head, safe and finalized columns are what the node itself said
-- when it was last asked: labels for answers, never a reason to keep or drop a fact.
CREATE TABLE chains (
    chain_id          INTEGER PRIMARY KEY,
    start_block       INTEGER NOT NULL,
    checkpoint_number INTEGER,
    checkpoint_hash   BLOB,
    checkpoint_time   INTEGER,
    head_number       INTEGER,
    head_hash         BLOB,
    head_time         INTEGER,
    safe_number       INTEGER,
    finalized_number  INTEGER,
    polled_at         INTEGER
) STRICT;

-- Blocks are sparse: one that carries a fact, or that ended a page of scanning. A block that was reorged out stays
-- for ever with canonical = 0, for a KMS reads `latest` and may have booted something on it.
CREATE TABLE blocks (
    id        INTEGER PRIMARY KEY,
    chain_id  INTEGER NOT NULL REFERENCES chains (chain_id),
    number    INTEGER NOT NULL,
    hash      BLOB NOT NULL,
    unix_time INTEGER NOT NULL,
    canonical INTEGER NOT NULL DEFAULT 1 CHECK (canonical IN (0, 1)),
    UNIQUE (chain_id, hash)
) STRICT;

-- At most one canonical block per height: a program error must not be able to give two answers.
CREATE UNIQUE INDEX blocks_canonical ON blocks (chain_id, number) WHERE canonical = 1;

-- What was reorged out, which is little, so that a writer can ask whether some of it came back.
CREATE INDEX blocks_orphaned ON blocks (chain_id, number) WHERE canonical = 0;

-- For questions by time.
CREATE INDEX blocks_time ON blocks (chain_id, unix_time, number) WHERE canonical = 1;

-- Contracts whose logs are kept, and nobody else's: logs refer to this table, so a contract that was neither named
-- in the configuration (named_by is null) nor registered with one that was cannot make the database grow.
-- Logs are known from scanned_from up to the chain's checkpoint; null means that no page has covered it yet.
-- canonical = 0: what registered it was reorged out.
-- history_verified_at: the highest canonical block at which the history root in the contract itself was compared with
-- its logs here, so that up to it none is missing; null means never, or that the contract keeps no history.
-- identified_at: the block after which its code was looked at, where that was later than found_at, because it was
-- named before it was deployed. What was found on a block that is gone is not known any more.
CREATE TABLE contracts (
    id                  INTEGER PRIMARY KEY,
    chain_id            INTEGER NOT NULL REFERENCES chains (chain_id),
    address             BLOB NOT NULL,
    role                TEXT NOT NULL,
    named_by            BLOB,
    code_kind           TEXT NOT NULL,
    code_hash           BLOB,
    implementation      BLOB,
    found_at            INTEGER NOT NULL,
    scanned_from        INTEGER,
    history_verified_at INTEGER,
    identified_at       INTEGER,
    canonical           INTEGER NOT NULL CHECK (canonical IN (0, 1)),
    UNIQUE (chain_id, address)
) STRICT;

-- First topics, written once instead of in every log.
CREATE TABLE signatures (
    id    INTEGER PRIMARY KEY,
    topic BLOB NOT NULL UNIQUE
) STRICT;

-- Transactions by their place in a block, so that no index over their hashes has to be kept.
CREATE TABLE transactions (
    block_id INTEGER NOT NULL REFERENCES blocks (id),
    tx_index INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    PRIMARY KEY (block_id, tx_index)
) STRICT, WITHOUT ROWID;

-- The facts: raw logs, never changed and never deleted. topics holds the second and later topics, 32 bytes each,
-- one after the other; a log without any topic has no signature.
CREATE TABLE logs (
    block_id     INTEGER NOT NULL,
    log_index    INTEGER NOT NULL,
    tx_index     INTEGER NOT NULL,
    contract_id  INTEGER NOT NULL REFERENCES contracts (id),
    signature_id INTEGER REFERENCES signatures (id),
    topics       BLOB NOT NULL,
    data         BLOB NOT NULL,
    PRIMARY KEY (block_id, log_index),
    FOREIGN KEY (block_id, tx_index) REFERENCES transactions (block_id, tx_index)
) STRICT, WITHOUT ROWID;

CREATE INDEX logs_contract ON logs (contract_id, block_id);
CREATE INDEX logs_signature ON logs (signature_id, block_id);
