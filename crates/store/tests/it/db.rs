//! Fresh databases of either kind.

use crate::make::CHAIN;
use devproof_store::Store;
use devproof_testkit::postgres::Cluster;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

pub(crate) struct Db {
    directory: TempDir,
    cluster: Option<Cluster>,
    made: AtomicU32,
}

impl Db {
    pub(crate) fn sqlite() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), cluster: None, made: AtomicU32::new(0) }
    }

    pub(crate) fn postgres() -> Option<Self> {
        let cluster = Cluster::start().unwrap()?;
        Some(Self { cluster: Some(cluster), ..Self::sqlite() })
    }

    pub(crate) fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    /// Names a database that has nothing in it. An SQLite file does not even exist.
    pub(crate) fn url(&self) -> String {
        match &self.cluster {
            Some(cluster) => cluster.database().unwrap(),
            None => self.file(),
        }
    }

    fn file(&self) -> String {
        let n = self.made.fetch_add(1, Ordering::Relaxed);
        format!("sqlite://{}", self.directory.path().join(format!("{n}.db")).display())
    }

    /// An empty store without chains.
    pub(crate) async fn bare(&self) -> Store {
        Store::open(&self.url()).await.unwrap()
    }

    /// A store that follows the chain of the tests from block 0, with its contracts named.
    pub(crate) async fn store(&self) -> Store {
        prepared(self.bare().await).await
    }

    /// An empty store without chains on SQLite, whatever this is.
    pub(crate) async fn bare_twin(&self) -> Store {
        Store::open(&self.file()).await.unwrap()
    }

    /// The same on SQLite, whatever this is.
    pub(crate) async fn twin(&self) -> Store {
        prepared(Store::open(&self.file()).await.unwrap()).await
    }
}

async fn prepared(store: Store) -> Store {
    store.ensure_chain(CHAIN, 0).await.unwrap();
    for who in 0..3 {
        store.upsert_contract(&crate::make::contract(who, 0)).await.unwrap();
    }
    store
}
