//! What an operator's verb answers.

use alloy_primitives::{Address, B256};
use devproof_operator::{
    Call, Done, Effect, Plan, Standing, fees::Fees, preflight::Check, safe::SafeTransaction,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ended {
    /// It was done.
    Done,
    /// It was done before: nothing was sent.
    Already,
    /// It cannot be done before `ripeAt`: nothing was sent.
    TooEarly,
    /// It was refused, by a check, by the contract or by who was asked: nothing was sent.
    Refused,
    /// It was included, and failed.
    Failed,
    /// It was only shown.
    Shown,
    /// The file for a Safe was written.
    ForSafe,
}

/// The answer.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) outcome: Ended,
    pub(super) chain_id: u64,
    pub(super) app: Address,
    /// The kind of code; `null` before the app is deployed.
    pub(super) code: Option<&'static str>,
    pub(super) action: &'static str,
    pub(super) setting: Option<&'static str>,
    pub(super) value: Option<B256>,
    /// Why it was refused, as a sentence.
    pub(super) reason: Option<String>,
    /// When what is announced may be activated.
    pub(super) ripe_at: Option<Timestamp>,
    /// When it is dead.
    pub(super) expires_at: Option<Timestamp>,
    pub(super) checks: Vec<Check>,
    /// Who sends it, where somebody would.
    pub(super) from: Option<Address>,
    pub(super) call: Call,
    /// The block on whose state it was executed here.
    pub(super) simulated_on: Option<u64>,
    pub(super) cost: Option<Cost>,
    pub(super) transaction: Option<Transaction>,
    pub(super) safe: Option<SafeTransaction>,
}

/// What it may cost.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cost {
    /// Gas, at most.
    pub(super) gas: u64,
    /// Wei for a unit of it, at most.
    #[serde(serialize_with = "text")]
    #[schemars(with = "String")]
    pub(super) max_fee_per_gas: u128,
    /// And of that to who makes the block.
    #[serde(serialize_with = "text")]
    #[schemars(with = "String")]
    pub(super) max_priority_fee_per_gas: u128,
    /// Wei, at most.
    #[serde(serialize_with = "text")]
    #[schemars(with = "String")]
    pub(super) most: u128,
}

impl Cost {
    pub(super) const fn of(gas: u64, fees: Fees) -> Self {
        Self {
            gas,
            max_fee_per_gas: fees.most,
            max_priority_fee_per_gas: fees.tip,
            most: fees.most.saturating_mul(gas as u128),
        }
    }
}

/// A transaction that was included.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Transaction {
    pub(super) hash: B256,
    pub(super) block: u64,
    pub(super) block_hash: B256,
    pub(super) timestamp: Timestamp,
    pub(super) finality: &'static str,
    pub(super) gas_used: u64,
    /// Wei.
    #[serde(serialize_with = "text")]
    #[schemars(with = "String")]
    pub(super) cost: u128,
}

/// Wei are more than numbers of JSON hold everywhere.
fn text<S: serde::Serializer>(wei: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(wei)
}

impl Report {
    /// What is known from the plan alone.
    pub(super) fn of(plan: &Plan, outcome: Ended) -> Self {
        let (ripe, expires) = match plan.standing {
            Standing::Done(Done::Announced { ripe_at, expires_at })
            | Standing::TooEarly { ripe_at, expires_at }
            | Standing::Go(Effect::Announces { ripe_at, expires_at, .. }) => {
                (Some(ripe_at), Some(expires_at))
            }
            _ => (None, None),
        };
        let subject = plan.action.subject();
        Self {
            outcome,
            chain_id: plan.chain_id,
            app: plan.app,
            code: plan.view.as_ref().map(|view| view.code.name()),
            action: plan.action.name(),
            setting: subject.map(|(setting, _)| setting.name()),
            value: subject.map(|(_, value)| value),
            reason: match &plan.standing {
                Standing::No(why) => Some(why.clone()),
                _ => None,
            },
            ripe_at: ripe.and_then(timestamp),
            expires_at: expires.and_then(timestamp),
            checks: Vec::new(),
            from: None,
            call: plan.call.clone(),
            simulated_on: None,
            cost: None,
            transaction: None,
            safe: None,
        }
    }
}

pub(super) fn timestamp(seconds: u64) -> Option<Timestamp> {
    i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok())
}
