//! What observing finds out, as alerts that are taken down once and told to whoever wants to know.

use super::{Alert, AlertKind, LOOK};
use crate::{
    documents::{SeenAs, time},
    words::{short, short_address},
};
use alloy_primitives::{Address, B256, keccak256};
use devproof_store::ObservedAlert;

/// The app that something was found out about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The app id.
    pub app: Address,
    /// What people call it.
    pub name: &'a str,
    /// When it was looked, Unix seconds.
    pub seen_at: u64,
}

impl About<'_> {
    fn alert(&self, kind: AlertKind, what: &str, title: String, text: String) -> ObservedAlert {
        let Self { chain_id, app, seen_at, .. } = *self;
        ObservedAlert {
            id: format!("{chain_id}:{app:#x}:{kind}:{what}"),
            chain_id,
            app,
            kind: kind.name().to_owned(),
            title,
            text,
            found_at: seen_at,
        }
    }

    fn when(&self) -> String {
        crate::words::time(time(self.seen_at))
    }
}

/// That a version was seen which the app's contract never allowed and never announced.
#[must_use]
pub fn unannounced(about: &About<'_>, version: B256, seen_as: SeenAs) -> ObservedAlert {
    let (name, version_, when) = (about.name, short(version), about.when());
    let (title, text) = match seen_as {
        SeenAs::Proved => (
            format!("{name} runs a version that was never announced: {version_}"),
            format!(
                "At {when} a verified quote showed an instance of {name} with the version {version:#x}. As far as the index reaches, its \
                 contract never allowed or announced it."
            ),
        ),
        SeenAs::Claimed => (
            format!(
                "A machine says that it is {name}, with a version that was never announced: {version_}"
            ),
            format!(
                "At {when} a machine with real hardware said that it is {name} with the version {version:#x}. Which operating system it runs was not \
                 shown, so any machine can say so. As far as the index reaches, the contract never allowed or announced this version."
            ),
        ),
        SeenAs::TestRoot => (
            format!("Test: {name} with a version that was never announced: {version_}"),
            format!(
                "At {when} a quote that was not held against Intel's root, and so proves nothing, had the version {version:#x}, which the contract \
                 never allowed or announced."
            ),
        ),
    };
    let what = format!("{version:#x}:{}", seen_as.name());
    about.alert(AlertKind::ObservedUnannounced, &what, title, text)
}

/// That the platform of an instance is out of date, by a quote and the number of its judgement that first said so.
#[must_use]
pub fn out_of_date(
    about: &About<'_>,
    instance: Option<Address>,
    (was, is): (&str, &str),
    (quote, entry): (B256, u64),
) -> ObservedAlert {
    let which = instance.map_or_else(|| "an instance without an id".to_owned(), short_address);
    let title = format!("{}: the hardware under {which} is out of date", about.name);
    let text = format!(
        "By what Intel says, the platform under {which} was {was} before and is {is} at {}. A hole that is known may be open until \
         its operator updates it.",
        about.when()
    );
    let what = format!("{quote:#x}:{entry}");
    about.alert(AlertKind::ObservedOutOfDate, &what, title, text)
}

/// That instances differ, in which fields, each with what was seen there.
#[must_use]
pub fn instances_differ(about: &About<'_>, fields: &[(&str, Vec<String>)]) -> ObservedAlert {
    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    let title = format!("Instances of {} differ in {names}", about.name);
    let text = format!(
        "At {} its instances were not the same in {names}, in which they have to be. Whoever is served by one of them is not served by \
         what others checked.",
        about.when()
    );
    let mut all: Vec<_> = fields.to_vec();
    for (_, values) in &mut all {
        values.sort();
        values.dedup();
    }
    let what = keccak256(format!("{all:?}"));
    about.alert(AlertKind::ObservedDiffer, &format!("{what:#x}"), title, text)
}

/// What was taken down, as it is told; `None` of a kind that is not known here.
#[must_use]
pub fn of_observed(found: &ObservedAlert) -> Option<Alert> {
    Some(Alert {
        id: found.id.clone(),
        kind: found.kind.parse().ok()?,
        chain_id: found.chain_id,
        app: Some(found.app),
        at: time(found.found_at),
        block: None,
        title: found.title.clone(),
        text: found.text.clone(),
        advice: LOOK.to_owned(),
        path: format!("/chains/{}/apps/{:#x}#observed", found.chain_id, found.app),
    })
}
