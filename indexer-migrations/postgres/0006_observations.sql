-- What verified quotes showed of running instances, and what they were shown by.
--
-- The sister file in ../sqlite says the same in the other database's words; the two change together. Nothing here is a fact of
-- a chain: it is in no digest, and no answer about what was authorised comes from it. It is in a copy of a database, for it
-- cannot be had again.

-- Bytes under their SHA-256: evidence, collateral, policies and verdicts, in pieces of at most 64 KiB, so that no row is large.
CREATE TABLE archive (
    hash    BYTEA NOT NULL,
    piece   BIGINT NOT NULL,
    bytes   BYTEA NOT NULL,
    kept_at BIGINT NOT NULL,
    PRIMARY KEY (hash, piece)
);

-- One quote of an app, told by the SHA-256 of its signed part, however often it was shown. app: the id that the machine measured
-- or claims; a quote names no chain, so chain_id is where whoever observed says that the app lives. is_fresh: it was made for random
-- bytes or a challenge of ours, so that it is no older than the look that first saw it. Times in Unix seconds by our own clock.
CREATE TABLE observations (
    chain_id        BIGINT NOT NULL REFERENCES chains (chain_id),
    app             BYTEA NOT NULL,
    quote           BYTEA NOT NULL,
    compose_hash    BYTEA NOT NULL,
    instance_id     BYTEA NOT NULL,
    os_image_hash   BYTEA,
    key_provider    TEXT,
    key_provider_id BYTEA,
    source          TEXT NOT NULL,
    is_fresh        BIGINT NOT NULL CHECK (is_fresh IN (0, 1)),
    first_seen      BIGINT NOT NULL,
    last_seen       BIGINT NOT NULL,
    PRIMARY KEY (chain_id, app, quote)
);

CREATE INDEX observations_seen ON observations (chain_id, app, first_seen, quote);
CREATE INDEX observations_of ON observations (chain_id, app, instance_id, first_seen);

-- How a quote was judged: one row for as long as it comes out the same, and another when it does not, as when newer
-- collateral says that its platform is out of date. judged_at: the time that the verdict is of; the document under `verdict` in the
-- archive says everything. from_, to_: the blocks over which the authorisation was asked about; null where it was not.
CREATE TABLE judgements (
    chain_id      BIGINT NOT NULL,
    app           BYTEA NOT NULL,
    quote         BYTEA NOT NULL,
    entry         BIGINT NOT NULL,
    seen_from     BIGINT NOT NULL,
    seen_until    BIGINT NOT NULL,
    judged_at     BIGINT NOT NULL,
    overall       TEXT NOT NULL CHECK (overall IN ('pass', 'fail', 'inconclusive')),
    decisive      TEXT NOT NULL,
    is_proved     BIGINT NOT NULL CHECK (is_proved IN (0, 1)),
    is_intel_root BIGINT NOT NULL CHECK (is_intel_root IN (0, 1)),
    tcb_status    TEXT,
    hardware_by   TEXT NOT NULL,
    system_by     TEXT,
    warnings      TEXT NOT NULL,
    evidence      BYTEA NOT NULL,
    collateral    BYTEA,
    policy        BYTEA,
    verdict       BYTEA NOT NULL,
    from_number   BIGINT,
    from_hash     BYTEA,
    to_number     BIGINT,
    to_hash       BYTEA,
    PRIMARY KEY (chain_id, app, quote, entry),
    FOREIGN KEY (chain_id, app, quote) REFERENCES observations (chain_id, app, quote)
);

-- The same at a glance, for answers: which instance was seen with which version, kept apart by whether that is proved and against
-- whose root. instance_id: empty for one without. looks: how often it was looked. last_quote: the one that was seen last.
CREATE TABLE observed_instances (
    chain_id      BIGINT NOT NULL REFERENCES chains (chain_id),
    app           BYTEA NOT NULL,
    compose_hash  BYTEA NOT NULL,
    instance_id   BYTEA NOT NULL,
    is_proved     BIGINT NOT NULL CHECK (is_proved IN (0, 1)),
    is_intel_root BIGINT NOT NULL CHECK (is_intel_root IN (0, 1)),
    first_seen    BIGINT NOT NULL,
    last_seen     BIGINT NOT NULL,
    looks         BIGINT NOT NULL,
    last_quote    BYTEA NOT NULL,
    PRIMARY KEY (chain_id, app, compose_hash, instance_id, is_proved, is_intel_root)
);

CREATE INDEX observed_instances_seen ON observed_instances (chain_id, app, last_seen);

-- What was found out by observing and has to be told once, whoever finds it again. id: what tells it apart for ever.
CREATE TABLE observed_alerts (
    id       TEXT PRIMARY KEY,
    chain_id BIGINT NOT NULL REFERENCES chains (chain_id),
    app      BYTEA NOT NULL,
    kind     TEXT NOT NULL,
    title    TEXT NOT NULL,
    text     TEXT NOT NULL,
    found_at BIGINT NOT NULL
);

CREATE INDEX observed_alerts_found ON observed_alerts (chain_id, found_at, id);
