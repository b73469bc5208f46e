//! Apps whose id is no contract: those of the generation before DstackKms.

use crate::{IndexError, Indexer, reader::Reader, readings::missing};
use alloy_primitives::{Address, Bytes};
use devproof_contracts::{About, kms_event, stock::LegacyKmsAuth};
use devproof_primitives::{BlockRef, KmsEvent};
use devproof_store::{Contract, Reading, Role};
use std::collections::{BTreeMap, BTreeSet};

impl Reader {
    /// The contract that a KMS said decides about an app id, after a block; `None` for a KMS of today, where the app
    /// id is the contract. A node that keeps no old state is asked about a later block.
    pub(crate) async fn controller_of(
        &self,
        kms: Address,
        app: Address,
        block: u64,
        later: u64,
    ) -> Result<Option<Address>, IndexError> {
        let question = LegacyKmsAuth::appsCall { appId: app };
        let answer = match self.node.asked(kms, &question, block).await {
            Err(error) if missing(&error) && block < later => {
                self.node.asked(kms, &question, later).await
            }
            answer => answer,
        };
        let controller = answer?.filter(|app| app.isRegistered).map(|app| app.controller);
        Ok(controller.filter(|controller| !controller.is_zero()))
    }
}

impl Indexer {
    /// Records which contracts decide about the app ids that a KMS gave out: as it said in an event, or says to a call.
    pub(crate) async fn link_app_ids(
        &self,
        kms: Address,
        contracts: &[Contract],
        head: BlockRef,
    ) -> Result<(), IndexError> {
        let chain_id = self.node.chain_id();
        let known = self.store.readings(chain_id, kms, head.number).await?;
        let known: BTreeSet<Bytes> = (known.into_iter())
            .filter(|reading| reading.what == About::Controller.word())
            .map(|reading| reading.subject)
            .collect();
        let apps: BTreeSet<Address> =
            contracts.iter().filter(|c| c.role == Role::App).map(|c| c.address).collect();
        let (mut registered, mut deployed) = (BTreeMap::new(), BTreeMap::new());
        for log in self.store.logs(chain_id, &[kms], head.number).await? {
            match kms_event(&log.topics, &log.data) {
                Some(KmsEvent::AppRegistered(app)) => {
                    registered.entry(app).or_insert(log.block);
                }
                Some(KmsEvent::AppDeployed { app, contract }) if app != contract => {
                    deployed.entry(app).or_insert((log.block, contract));
                }
                _ => {}
            }
        }
        let mut found = Vec::new();
        let mut is_of_today = false;
        for (app, block) in registered {
            if known.contains(app.as_slice()) || apps.contains(&app) {
                continue;
            }
            let (block, controller) = match deployed.get(&app) {
                Some((block, contract)) => (*block, Some(*contract)),
                None if is_of_today => continue,
                None => {
                    (block, self.reader.controller_of(kms, app, block.number, head.number).await?)
                }
            };
            is_of_today = controller.is_none();
            if let Some(controller) = controller.filter(|contract| apps.contains(contract)) {
                found.push(Reading {
                    block,
                    what: About::Controller.word().to_owned(),
                    subject: Bytes::copy_from_slice(app.as_slice()),
                    value: Bytes::copy_from_slice(controller.as_slice()),
                });
            }
        }
        if !found.is_empty() {
            self.reader.must_hold(head).await?;
            self.store.add_readings(chain_id, kms, &found, &head).await?;
        }
        Ok(())
    }
}
