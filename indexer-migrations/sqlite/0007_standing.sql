-- How often anything of a chain was written.
--
-- The sister file in ../postgres says the same in the other database's words; the two change together.

-- Every transaction that writes facts of a chain, or what the node said of it, adds one. Whoever read something and sees the
-- same number again knows that it still holds, and need not read it anew. It says nothing about the chain, is in no digest, and only
-- grows.
ALTER TABLE chains ADD COLUMN writes INTEGER NOT NULL DEFAULT 0;

-- Contracts whose older logs are still to be read: every answer asks for them, and there may be very many others.
CREATE INDEX contracts_scanned ON contracts (chain_id, scanned_from) WHERE canonical = 1;
