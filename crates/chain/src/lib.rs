//! What devproof asks of a node: heads and finality, logs, headers, code, transactions.
