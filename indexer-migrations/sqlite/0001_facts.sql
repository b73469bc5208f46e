-- What devproof knows about chains, on SQLite.
--
-- The sister file in ../postgres says the same in PostgreSQL's words; the two change together. Tables are STRICT so
-- that SQLite refuses a text where a number belongs, as PostgreSQL does. Numbers are 64-bit signed integers on both;
-- times are Unix seconds of block time, except polled_at, which is our own clock.

-- A chain that is followed. The checkpoint is the last block up to which everything is in this database; it moves
-- only in the transaction that writes the data. The head, safe and finalized columns are what the node itself said
-- when it was last asked: labels for answers, never a reason to keep or drop a fact.
-- blocks_from: the id of its block 0 (see blocks), a multiple of 2^36.
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
    polled_at         INTEGER,
    blocks_from       INTEGER NOT NULL UNIQUE
) STRICT;

-- Blocks are sparse: one that carries a fact, or that ended a page of scanning.
-- id: chain, height and fork in one number: height, below 2^36, plus chains.blocks_from, below 2^44, plus fork times 2^44
-- (crates/store/src/ids.rs). fork tells the blocks of one height apart: 0 is the canonical one, so that there is at most
-- one, whatever a program does; those that were reorged out stay for ever as 1, 2, ..., for a KMS reads `latest` and may have
-- booted something on them. place: the id without the fork.
-- In SQLite id is the row's own key, so that a block is found by going down one tree, and the other columns are worked out
-- when they are read.
-- said: the facts, never changed and never deleted: what followed contracts said in the block, packed by transaction
-- (crates/store/src/packed.rs has the format, which is only ever added to). A row per log or transaction would spend more
-- on the row than on what it says.
-- recorded: the entry of the journal since which it is on this fork.
CREATE TABLE blocks (
    id        INTEGER PRIMARY KEY,
    hash      BLOB NOT NULL,
    unix_time INTEGER NOT NULL,
    said      BLOB NOT NULL,
    recorded  INTEGER NOT NULL,
    number    INTEGER NOT NULL GENERATED ALWAYS AS (id & 68719476735) VIRTUAL,
    place     INTEGER NOT NULL GENERATED ALWAYS AS (id & 17592186044415) VIRTUAL,
    fork      INTEGER NOT NULL GENERATED ALWAYS AS (id >> 44) VIRTUAL
) STRICT;

-- What was reorged out, which is little, so that a writer can ask whether some of it came back.
CREATE INDEX blocks_orphaned ON blocks (place) WHERE id >= 17592186044416;

-- Contracts whose logs are kept, and nobody else's: facts refer to this table, so a contract that was neither named
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

-- Those that are no apps are few, and every answer asks for some of them.
CREATE INDEX contracts_role ON contracts (chain_id, role) WHERE role <> 'app';

-- In which canonical blocks a contract spoke: its history up to a block is a few rows of this. A row holds up to 128 heights:
-- the first, and how much each next one is above the one before (crates/store/src/spoke.rs). A row per height would spend
-- more on the row than on the height.
CREATE TABLE spoke (
    contract_id INTEGER NOT NULL,
    first       INTEGER NOT NULL,
    more        BLOB NOT NULL,
    PRIMARY KEY (contract_id, first)
) STRICT, WITHOUT ROWID;

-- In which blocks that were reorged out it spoke, which is little.
CREATE TABLE spoke_aside (
    contract_id INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    fork        INTEGER NOT NULL,
    PRIMARY KEY (contract_id, number, fork)
) STRICT, WITHOUT ROWID;

-- In which blocks the words were said that people ask for: compose hashes that apps allowed or announced, and who owns
-- them; in registries of deletions the apps, commitments and roots. And at which heights the blocks are that have a hash,
-- canonical ones and others: what a chain said itself, whose contract_id is -1 less the number of the chain in blocks.id. word is four
-- bytes of it. Derived, for finding only: on which branch it was said, in which transaction, and what it means, the facts tell.
CREATE TABLE mentions (
    word        INTEGER NOT NULL,
    contract_id INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    PRIMARY KEY (word, contract_id, number)
) STRICT, WITHOUT ROWID;

-- The newest of them. Words come in no order, so that each goes to another leaf of a large tree, which is read and written for it:
-- they are put into a small one first, and from there into the large one many at a time, in its order.
CREATE TABLE mentions_new (
    chain_id    INTEGER NOT NULL,
    word        INTEGER NOT NULL,
    contract_id INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    PRIMARY KEY (chain_id, word, contract_id, number)
) STRICT, WITHOUT ROWID;

-- When what was announced can come into force (Unix seconds, as the announcement says), by contract and the block of the
-- announcement. Derived, for finding only, as mentions: whether it is still announced, the fold says. dies = 0: it never expires.
CREATE TABLE announced (
    chain_id    INTEGER NOT NULL,
    ripe_at     INTEGER NOT NULL,
    contract_id INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    dies        INTEGER NOT NULL CHECK (dies IN (0, 1)),
    PRIMARY KEY (chain_id, ripe_at, contract_id, number)
) STRICT, WITHOUT ROWID;

-- What never expires is open however long ago it was ripe.
CREATE INDEX announced_undying ON announced (chain_id, ripe_at, contract_id, number) WHERE dies = 0;

-- Where the fold of an app's logs stood after a canonical block, so that an answer about a long history need not fold
-- all of it. Derived, and thrown away whenever in doubt: what is not here is folded from the facts. version is that of
-- the fold and its encoding; another one is as good as none.
CREATE TABLE folds (
    contract_id INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    state       BLOB NOT NULL,
    PRIMARY KEY (contract_id, number)
) STRICT, WITHOUT ROWID;
