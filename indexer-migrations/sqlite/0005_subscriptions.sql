-- Who wants to be told, and what is on its way to them.
--
-- The sister file in ../postgres says the same in the other database's words; the two change together. Nothing here is a fact
-- of a chain: it is in no digest, and a copy of a database has it only if somebody asks for it, for it holds secrets, and two
-- databases that both know a subscription would both send.

-- apps: 20 bytes each, none for all. kinds: names of alerts with a space between, none for all. channel, target, secret: how
-- and where, target being what may be shown. place: behind which change everything is still to be told; null for the
-- beginning. heard_until: the block time up to which what time alone does was told. It is disabled once its endpoint said that it is gone; why says so.
CREATE TABLE subscriptions (
    id           TEXT PRIMARY KEY,
    chain_id     INTEGER NOT NULL REFERENCES chains (chain_id),
    name         TEXT NOT NULL,
    apps         BLOB NOT NULL,
    kinds        TEXT NOT NULL,
    finality     TEXT NOT NULL,
    soon         INTEGER NOT NULL,
    channel      TEXT NOT NULL,
    target       TEXT NOT NULL,
    secret       TEXT NOT NULL,
    place        TEXT,
    heard_until  INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    is_active    INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    why          TEXT
) STRICT;

-- One letter to one subscriber about one alert. id: what a receiver can tell it by, the same at every attempt. round: how often
-- the same alert was told and taken back before. number, block_hash: the block that said it; null where none did. recurs: it is heard again at
-- every look, so that its row has to stay for it to be told once. body: byte for
-- byte what is sent; empty once it was acknowledged and is old. state: due, acknowledged, dead (no attempt is left) or
-- withdrawn (its block is gone, so it is not sent any more). Times in Unix milliseconds by the clock of the sender. A letter that
-- is being sent is due with a next_try at which that attempt has ended for certain.
CREATE TABLE deliveries (
    id            TEXT PRIMARY KEY,
    subscription  TEXT NOT NULL REFERENCES subscriptions (id),
    alert         TEXT NOT NULL,
    round         INTEGER NOT NULL,
    kind          TEXT NOT NULL,
    title         TEXT NOT NULL,
    app           BLOB,
    number        INTEGER,
    block_hash    BLOB,
    is_taken_back INTEGER NOT NULL CHECK (is_taken_back IN (0, 1)),
    recurs        INTEGER NOT NULL CHECK (recurs IN (0, 1)),
    body          BLOB NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('due', 'acknowledged', 'dead', 'withdrawn')),
    attempts      INTEGER NOT NULL,
    made_at       INTEGER NOT NULL,
    next_try      INTEGER NOT NULL,
    settled_at    INTEGER,
    last_error    TEXT,
    UNIQUE (subscription, alert, round)
) STRICT;

-- What is due, by subscriber; and what was told of late blocks, which a reorganisation takes back.
CREATE INDEX deliveries_due ON deliveries (state, subscription, next_try);
CREATE INDEX deliveries_told ON deliveries (subscription, number);

-- One row once there was a sender: how often a sender took over. Whoever is not the last one writes nothing.
CREATE TABLE senders (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL
) STRICT;
