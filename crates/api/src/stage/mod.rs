//! The points of ERC-733's Stage 1, and how each is told from what is known here. `docs/stage.md` is written from this.

mod assess;

pub(crate) use assess::{Known, Text, assess, lately};

use crate::documents::StageResult;
use std::fmt::Write as _;

/// A point, and what its results mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    /// In a word that stays.
    pub(crate) id: &'static str,
    /// What is demanded.
    pub(crate) title: &'static str,
    /// What it means if it holds; `None` if that cannot be told from here.
    pub(crate) pass: Option<&'static str>,
    /// What it means if not, for somebody who is no engineer.
    pub(crate) fail: Option<&'static str>,
    /// What it means if it could not be told.
    pub(crate) unknown: &'static str,
}

impl Point {
    /// What a result means. One that a point never has is not known.
    pub(crate) fn why(&self, result: StageResult) -> &'static str {
        match result {
            StageResult::Pass => self.pass.unwrap_or(self.unknown),
            StageResult::Fail => self.fail.unwrap_or(self.unknown),
            StageResult::CouldNotTell => self.unknown,
        }
    }
}

/// Every point, the one that matters most to a user at the beginning.
pub(crate) const POINTS: [Point; 11] = [
    Point {
        id: "notice",
        title: "New code is announced, and waits until users can leave",
        pass: Some(
            "The contract's code is known, nobody can replace it, and it enforces the notice.",
        ),
        fail: Some("The owner can change the code at any moment, without notice."),
        unknown: "We do not know the code that decides, so we cannot say that anything enforces a notice.",
    },
    Point {
        id: "upgrade_record",
        title: "Every upgrade is on the chain, and none can be left out",
        pass: Some(
            "The contract keeps a history that was compared with the index: nothing is missing.",
        ),
        fail: None,
        unknown: "What the contract's events said is known, but nothing shows that nothing is missing.",
    },
    Point {
        id: "key_service",
        title: "Nobody at the centre can give the app's keys to other code",
        pass: None,
        fail: Some(
            "The owner of the key service can replace its contract, and so give the keys of this app to any code.",
        ),
        unknown: "It is not known which key service the app depends on, or whether anybody can change it.",
    },
    Point {
        id: "key_origin",
        title: "The keys that the app's keys come from were made in a TEE, and are nowhere else",
        pass: Some(
            "The key service's own quote stands behind its keys, and is of a version that whoever looked knows to make them itself.",
        ),
        fail: Some("The key service shows a quote that does not stand behind its keys."),
        unknown: "Nobody has shown us lately where the key service's keys were made; who made them elsewhere has all keys of this app.",
    },
    Point {
        id: "operating_system",
        title: "No other operating system can be put under the app without notice",
        pass: Some("The app accepts only operating systems that it has pinned itself."),
        fail: Some(
            "The key service's owner can admit another operating system under this app at once.",
        ),
        unknown: "It is not known what operating systems may run the app.",
    },
    Point {
        id: "code_known",
        title: "What may run is known: its configuration is public, and names every image by its digest",
        pass: Some(
            "The configuration of every allowed version is held here, and names each image by its digest.",
        ),
        fail: Some("What runs can become something else while the compose hash stays the same."),
        unknown: "The configuration of some allowed version was not handed in, or cannot be read.",
    },
    Point {
        id: "no_secrets",
        title: "The developer has no access to secrets, and supplies none that matter",
        pass: Some(
            "In no configuration of an allowed version does the operator supply secrets or choose where data goes.",
        ),
        fail: Some(
            "The operator supplies secrets or chooses where data goes, and so can see or sign what users think is sealed.",
        ),
        unknown: "The configuration of some allowed version was not handed in, or cannot be read.",
    },
    Point {
        id: "no_backdoor",
        title: "There is no way in: no log-in, no debug switch, no scripts that fetch code",
        pass: Some("No configuration of an allowed version has one that lint knows."),
        fail: Some("The configuration leaves a way in by which the operator can get at what runs."),
        unknown: "The configuration of some allowed version was not handed in, or cannot be read.",
    },
    Point {
        id: "seen",
        title: "What runs is what is allowed: seen lately, by quotes that prove it",
        pass: Some(
            "In the last seven days verified quotes proved instances with allowed versions, and none with another.",
        ),
        fail: Some(
            "A verified quote proved an instance with a version that was not allowed then, or one that the policy refuses.",
        ),
        unknown: "Nobody has shown us lately what runs: allowed is not running.",
    },
    Point {
        id: "reproducible",
        title: "Anybody can build the same images from the source",
        pass: None,
        fail: Some("An image is built where the app runs, and nobody gets the same one again."),
        unknown: "Nobody rebuilt the images here. Only a build of your own can tell.",
    },
    Point {
        id: "source",
        title: "What was audited is what is deployed: from the compose hash to a commit",
        pass: None,
        fail: None,
        unknown: "Where the source is only the owner says, if anybody; nothing on the chain proves it.",
    },
];

/// The points as a table, for people.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from(
        "| id | what is demanded | holds | does not hold | could not tell |\n|---|---|---|---|---|\n",
    );
    let or_never = |it: Option<&'static str>| it.unwrap_or("*never told from here*");
    for it in POINTS {
        let (pass, fail) = (or_never(it.pass), or_never(it.fail));
        let _ = writeln!(text, "| `{}` | {} | {pass} | {fail} | {} |", it.id, it.title, it.unknown);
    }
    text
}
