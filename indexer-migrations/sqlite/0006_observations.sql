-- What verified quotes showed of running instances, and what they were shown by.
--
-- The sister file in ../postgres says the same in the other database's words; the two change together. Nothing here is a fact of
-- a chain: it is in no digest, and no answer about what was authorised comes from it. It is in a copy of a database, for it
-- cannot be had again.

-- Bytes under their SHA-256: evidence, collateral, policies and verdicts, in pieces of at most 64 KiB, so that no row is large.
CREATE TABLE archive (
    hash    BLOB NOT NULL,
    piece   INTEGER NOT NULL,
    bytes   BLOB NOT NULL,
    kept_at INTEGER NOT NULL,
    PRIMARY KEY (hash, piece)
) STRICT;

-- One quote of an app, told by the SHA-256 of its signed part, however often it was shown. app: the id that the machine measured
-- or claims; a quote names no chain, so chain_id is where whoever observed says that the app lives. is_fresh: it was made for random
-- bytes or a challenge of ours, so that it is no older than the look that first saw it. Times in Unix seconds by our own clock.
CREATE TABLE observations (
    chain_id        INTEGER NOT NULL REFERENCES chains (chain_id),
    app             BLOB NOT NULL,
    quote           BLOB NOT NULL,
    compose_hash    BLOB NOT NULL,
    instance_id     BLOB NOT NULL,
    os_image_hash   BLOB,
    key_provider    TEXT,
    key_provider_id BLOB,
    source          TEXT NOT NULL,
    is_fresh        INTEGER NOT NULL CHECK (is_fresh IN (0, 1)),
    first_seen      INTEGER NOT NULL,
    last_seen       INTEGER NOT NULL,
    PRIMARY KEY (chain_id, app, quote)
) STRICT, WITHOUT ROWID;

CREATE INDEX observations_seen ON observations (chain_id, app, first_seen, quote);
CREATE INDEX observations_of ON observations (chain_id, app, instance_id, first_seen);

-- How a quote was judged: one row for as long as it comes out the same, and another when it does not, as when newer
-- collateral says that its platform is out of date. judged_at: the time that the verdict is of; the document under `verdict` in the
-- archive says everything. from_, to_: the blocks over which the authorisation was asked about; null where it was not.
CREATE TABLE judgements (
    chain_id      INTEGER NOT NULL,
    app           BLOB NOT NULL,
    quote         BLOB NOT NULL,
    entry         INTEGER NOT NULL,
    seen_from     INTEGER NOT NULL,
    seen_until    INTEGER NOT NULL,
    judged_at     INTEGER NOT NULL,
    overall       TEXT NOT NULL CHECK (overall IN ('pass', 'fail', 'inconclusive')),
    decisive      TEXT NOT NULL,
    is_proved     INTEGER NOT NULL CHECK (is_proved IN (0, 1)),
    is_intel_root INTEGER NOT NULL CHECK (is_intel_root IN (0, 1)),
    tcb_status    TEXT,
    hardware_by   TEXT NOT NULL,
    system_by     TEXT,
    warnings      TEXT NOT NULL,
    evidence      BLOB NOT NULL,
    collateral    BLOB,
    policy        BLOB,
    verdict       BLOB NOT NULL,
    from_number   INTEGER,
    from_hash     BLOB,
    to_number     INTEGER,
    to_hash       BLOB,
    PRIMARY KEY (chain_id, app, quote, entry),
    FOREIGN KEY (chain_id, app, quote) REFERENCES observations (chain_id, app, quote)
) STRICT, WITHOUT ROWID;

-- The same at a glance, for answers: which instance was seen with which version, kept apart by whether that is proved and against
-- whose root. instance_id: empty for one without. looks: how often it was looked. last_quote: the one that was seen last.
CREATE TABLE observed_instances (
    chain_id      INTEGER NOT NULL REFERENCES chains (chain_id),
    app           BLOB NOT NULL,
    compose_hash  BLOB NOT NULL,
    instance_id   BLOB NOT NULL,
    is_proved     INTEGER NOT NULL CHECK (is_proved IN (0, 1)),
    is_intel_root INTEGER NOT NULL CHECK (is_intel_root IN (0, 1)),
    first_seen    INTEGER NOT NULL,
    last_seen     INTEGER NOT NULL,
    looks         INTEGER NOT NULL,
    last_quote    BLOB NOT NULL,
    PRIMARY KEY (chain_id, app, compose_hash, instance_id, is_proved, is_intel_root)
) STRICT, WITHOUT ROWID;

CREATE INDEX observed_instances_seen ON observed_instances (chain_id, app, last_seen);

-- What was found out by observing and has to be told once, whoever finds it again. id: what tells it apart for ever.
CREATE TABLE observed_alerts (
    id       TEXT PRIMARY KEY,
    chain_id INTEGER NOT NULL REFERENCES chains (chain_id),
    app      BLOB NOT NULL,
    kind     TEXT NOT NULL,
    title    TEXT NOT NULL,
    text     TEXT NOT NULL,
    found_at INTEGER NOT NULL
) STRICT;

CREATE INDEX observed_alerts_found ON observed_alerts (chain_id, found_at, id);
