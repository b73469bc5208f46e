//! Alerts as letters to one subscriber.

use crate::{channel::Channel, templates};
use alloy_primitives::keccak256;
use devproof_api::alerts::{Alert, AlertKind};
use devproof_store::{Letter, Store, StoreError};
use std::collections::BTreeMap;

/// The longest title that is kept beside a letter, in characters.
const TITLE: usize = 200;

/// Bytes that a letter may have. With texts of a bounded length none comes near it.
const MAX_BODY: usize = 64 * 1_024;

/// What a receiver can tell a letter by: the same for the same alert to the same subscription in the same round, also if it
/// should be written again from a database that was restored.
#[must_use]
pub fn delivery_id(subscription: &str, alert: &str, round: u64) -> String {
    let hash = keccak256(format!("{subscription}\n{alert}\n{round}"));
    format!("msg_{}", hash.to_string().get(2..34).unwrap_or_default())
}

/// Who a letter goes to, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct To<'a> {
    pub(crate) subscription: &'a str,
    pub(crate) channel: &'a Channel,
    /// The public address of the pages.
    pub(crate) root: Option<&'a str>,
}

impl To<'_> {
    /// The letter about an alert, unless there is one that was not taken back. `going` are the rounds of alerts that are being
    /// taken back in the same step.
    pub(crate) async fn letter(
        &self,
        store: &Store,
        alert: &Alert,
        block: Option<(u64, alloy_primitives::B256)>,
        going: &BTreeMap<String, u64>,
    ) -> Result<Option<Letter>, StoreError> {
        let round = match store.told(self.subscription, &alert.id).await? {
            None => 0,
            Some((round, true)) => round + 1,
            Some((round, false)) if going.get(&alert.id) == Some(&round) => round + 1,
            Some((_, false)) => return Ok(None),
        };
        Ok(self.of_round(alert, block, round))
    }

    /// The letter about an alert in a round that is known.
    pub(crate) fn of_round(
        &self,
        alert: &Alert,
        block: Option<(u64, alloy_primitives::B256)>,
        round: u64,
    ) -> Option<Letter> {
        let id = delivery_id(self.subscription, &alert.id, round);
        let body = templates::body(self.channel, &id, alert, self.root);
        let Some(body) = body.filter(|body| body.len() <= MAX_BODY) else {
            tracing::error!(
                alert = alert.id,
                subscription = self.subscription,
                "no letter can be written"
            );
            return None;
        };
        let recurs = matches!(
            alert.kind,
            AlertKind::RipeSoon
                | AlertKind::Ripe
                | AlertKind::Expired
                | AlertKind::NotTold
                | AlertKind::ObservedUnannounced
                | AlertKind::ObservedOutOfDate
                | AlertKind::ObservedDiffer
        );
        Some(Letter {
            id,
            alert: alert.id.clone(),
            round,
            kind: alert.kind.name().to_owned(),
            title: alert.title.chars().take(TITLE).collect(),
            app: alert.app,
            block,
            recurs,
            body,
        })
    }
}
