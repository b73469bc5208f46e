//! What a KMS said and was read to say, as far as one app is concerned: it may have registered very many others.

use crate::{
    Store,
    conn::{Arg, Row, int},
    error::Result,
    folds,
    ids::{blocks_from, on_fork},
    mentions::of_word,
    read::{block, contract_id, logs_of},
    readings::Reading,
    types::{BlockRef, ChainStatus, Contract, RawLog},
    words::{KMS_POLICY, key},
};
use alloy_primitives::{Address, Bytes};
use devproof_contracts::About;
/// First which blocks, then what was said there, as in [`mentioning`].
macro_rules! said_by_kms {
    ($words:literal) => {
        concat!(
            "SELECT b.number, b.hash, b.unix_time, b.said, m.contract_id, '', b.hash, CAST(0 AS BIGINT) FROM ",
            $words,
            " AND m.word = $3 AND m.contract_id = ",
            contract_id!(),
            " AND b.id = ",
            blocks_from!(),
            " + m.number"
        )
    };
}

/// What was read by call and what was said in blocks that were reorged out stands in the same columns. What is said twice at
/// a height, on two branches, may stand there twice.
macro_rules! of_kms {
    ($readings:literal) => {
        concat!(
            said_by_kms!("mentions m CROSS JOIN blocks b WHERE true"),
            " UNION ALL ",
            said_by_kms!("mentions_new m CROSS JOIN blocks b WHERE m.chain_id = $1"),
            " UNION ALL
             SELECT b.number, b.hash, b.unix_time, r.value, r.contract_id, r.what, r.subject, 1
             FROM readings r CROSS JOIN blocks b
             WHERE r.contract_id = ",
            contract_id!(),
            " AND ",
            $readings,
            " AND b.id = ",
            blocks_from!(),
            " + r.number AND b.hash = r.block_hash"
        )
    };
}

/// What a KMS said and was read to say about one app.
const ABOUT_APP: &str = of_kms!("r.what = $4 AND r.subject = $5");

/// The rest of it, and all that it said in blocks that were reorged out.
const POLICY: &str = concat!(
    of_kms!("r.what <> $4"),
    " UNION ALL
     SELECT b.number, b.hash, b.unix_time, b.said, o.contract_id, '', NULL, 2
     FROM spoke_aside o CROSS JOIN blocks b
     WHERE o.contract_id = ",
    contract_id!(),
    " AND b.id = ",
    on_fork!("o.number", "o.fork")
);

/// A KMS after a block, as far as one app is concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KmsThen {
    /// What it said, in chain order: everything but what is about other apps than this alone.
    pub logs: Vec<RawLog>,
    /// What it was read to say, by block, then in the order of what was asked.
    pub readings: Vec<Reading>,
    /// All that it said in blocks that were reorged out, by height, block hash and place.
    pub orphaned: Vec<RawLog>,
}

impl KmsThen {
    /// Facts of a KMS, from its rows, which this word led to.
    fn of(contract: &Contract, word: i64, rows: &[Row]) -> Result<Self> {
        let mut then = Self::default();
        for row in rows {
            let of = (contract.address, row.int(4)?);
            match row.int(7)? {
                0 => {
                    let mut logs = Vec::new();
                    logs_of(block(row)?, row.bytes(3)?, of, &mut logs)?;
                    then.logs.extend(of_word(logs, word));
                }
                1 => then.readings.push(Reading {
                    block: block(row)?,
                    what: row.text(5)?.to_owned(),
                    subject: Bytes::copy_from_slice(row.bytes(6)?),
                    value: Bytes::copy_from_slice(row.bytes(3)?),
                }),
                _ => logs_of(block(row)?, row.bytes(3)?, of, &mut then.orphaned)?,
            }
        }
        Ok(then)
    }

    /// Adds what of `policy` belongs to blocks up to `up_to`, and puts all in order. A transaction may stand in both.
    fn with(mut self, policy: &Self, up_to: u64) -> Self {
        let until = |block: &BlockRef| block.number <= up_to;
        self.logs.extend(policy.logs.iter().cloned());
        self.logs.retain(|log| until(&log.block));
        self.logs.sort_by_key(place);
        self.logs.dedup_by_key(|log| place(log));
        self.readings.extend(policy.readings.iter().cloned());
        self.readings.retain(|reading| until(&reading.block));
        folds::sort(&mut self.readings);
        self.orphaned.extend(policy.orphaned.iter().filter(|log| until(&log.block)).cloned());
        self.orphaned.sort_by_key(|log| (log.block.number, log.block.hash, log.log_index));
        self
    }

    pub(crate) const fn len(&self) -> usize {
        self.logs.len() + self.readings.len() + self.orphaned.len()
    }
}

const fn place(log: &RawLog) -> (u64, u64) {
    (log.block.number, log.log_index)
}

impl Store {
    /// A KMS after block `up_to`, as far as an app is concerned, on a chain that stands like this. What is not about one app
    /// is read once for each state of the chain.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn kms_then(
        &self,
        status: &ChainStatus,
        contract: &Contract,
        app: Address,
        up_to: u64,
    ) -> Result<KmsThen> {
        let known = self.known_of(status).await?;
        let policy = known.policy_of(self, contract).await?;
        let word = key(&app.into_word());
        let args = [
            Arg::Int(int("chain id", contract.chain_id)?),
            Arg::Bytes(contract.address.as_slice()),
            Arg::Int(word),
            Arg::Text(About::Controller.word()),
            Arg::Bytes(app.as_slice()),
        ];
        let rows = self.pool.rows(ABOUT_APP, &args).await?;
        Ok(KmsThen::of(contract, word, &rows)?.with(&policy, up_to))
    }

    /// What a KMS said and was read to say that is not about one app, and all that it said in blocks that were reorged out.
    pub(crate) async fn kms_policy(&self, contract: &Contract) -> Result<KmsThen> {
        let word = key(&KMS_POLICY);
        let args = [
            Arg::Int(int("chain id", contract.chain_id)?),
            Arg::Bytes(contract.address.as_slice()),
            Arg::Int(word),
            Arg::Text(About::Controller.word()),
        ];
        KmsThen::of(contract, word, &self.pool.rows(POLICY, &args).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::B256;

    #[tokio::test]
    async fn sqlite_goes_straight_to_what_a_kms_said() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("x.db").to_str().unwrap()).await.unwrap();
        for sql in [POLICY, ABOUT_APP] {
            store.goes_straight(sql).await;
        }
    }

    #[test]
    fn a_transaction_about_an_app_and_about_all_counts_once() {
        let log = |number, log_index| RawLog {
            block: BlockRef { number, hash: B256::ZERO, timestamp: number },
            log_index,
            tx_hash: B256::ZERO,
            tx_index: 0,
            address: Address::ZERO,
            topics: Vec::new(),
            data: Bytes::new(),
        };
        let of = |logs| KmsThen { logs, ..KmsThen::default() };
        let policy = of(vec![log(1, 0), log(2, 0), log(2, 1), log(3, 0)]);
        let then = of(vec![log(2, 0), log(2, 1), log(3, 1)]).with(&policy, 2);
        assert_eq!(then.logs, [log(1, 0), log(2, 0), log(2, 1)]);
    }
}
