//! The rules: their ids, which never change their meaning, and what they mean in general.

use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[expect(missing_docs, reason = "RULES says what each of them means")]
pub enum Rule {
    C1,
    C2,
    C3,
    C4,
    C5,
    C6,
    C7,
    C8,
    C9,
    C10,
    C11,
    C12,
    C13,
    C14,
    C15,
    C16,
    C17,
    C18,
    C19,
    C20,
    C21,
    C22,
    C23,
    C24,
    C25,
}

/// What is to be said of a rule.
#[derive(Clone, Copy, Debug)]
pub struct RuleInfo {
    /// The rule.
    pub rule: Rule,
    /// What it is about, without a full stop.
    pub title: &'static str,
    /// Which severities it has, and when.
    pub severities: &'static str,
    /// Why it matters, in a sentence.
    pub means: &'static str,
    /// How to mend it, in a sentence.
    pub fix: &'static str,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}"))
    }
}

impl Rule {
    /// What is to be said of it.
    #[must_use]
    pub fn info(self) -> &'static RuleInfo {
        // Each rule stands in the table, which a test sees to.
        RULES.iter().find(|info| info.rule == self).unwrap_or(&RULES[0])
    }
}

/// The table as Markdown, for `docs/compose.md`.
#[must_use]
pub fn reference() -> String {
    let mut text =
        "| id | about | severity | what it means | how to mend it |\n|---|---|---|---|---|\n"
            .to_owned();
    for RuleInfo { rule, title, severities, means, fix } in &RULES {
        text.push_str(&format!("| {rule} | {title} | {severities} | {means} | {fix} |\n"));
    }
    text
}

macro_rules! rules {
    ($($rule:ident: $title:literal, $severities:literal, $means:literal, $fix:literal;)*) => {
        /// Every rule, in the order of its id.
        pub const RULES: [RuleInfo; 25] = [$(RuleInfo {
            rule: Rule::$rule, title: $title, severities: $severities, means: $means, fix: $fix,
        }),*];
    };
}

rules! {
    C1: "image not pinned by digest", "high",
        "Whoever controls the registry can put another image behind a tag, and the compose hash stays the same; a tag that looks like a hash is still a tag.",
        "Append the digest of the image, `name@sha256:...`.";
    C2: "image chosen by a variable", "critical if the operator sets it; medium if a script may set it; low if nothing does",
        "What runs cannot be known from the compose hash.",
        "Write the image and its digest into the compose file.";
    C3: "an address that the operator sets", "critical where the name says that data or credentials go there; else medium",
        "The operator can have the app talk to a server of their own.",
        "Write the address into the compose file, or have the app authenticate the other side by a key in its image.";
    C4: "code chosen or fetched at run time", "critical if a variable of the operator chooses it, or is one of those that the guest's start script takes by itself (`COMPOSE_FILE`, `PATH`); high if a command can be altered, or code is fetched that no commit pins",
        "Code that is not in the image decides what runs, and the compose hash does not cover it.",
        "Put the code into the image and pin that by digest.";
    C5: "a secret that the operator supplies", "critical for keys that sign; high for keys that encrypt and for administrators; medium for credentials; low where only reports are behind it",
        "The operator knows the secret, and so can do outside the TEE whatever it allows.",
        "Derive the secret inside the TEE from dstack's key service, by its socket.";
    C6: "a default, or a secret in the file", "critical for keys that sign or encrypt; high for other secrets; low for reports; note for any other default that the operator can override",
        "This file is public, and so is every secret in it.",
        "Let the app fail where the value is missing: `${NAME:?}`; derive secrets inside the TEE.";
    C7: "a pre-launch script", "low for being there; medium if it reads variables of the operator; high if it fetches something, sets passwords or keys for logging in, or touches the compose file",
        "It runs as root outside any container before the services start, so that everything depends on it.",
        "Leave it out (`--no-pre-launch-script` with Phala's tool), or pin a version that you have read.";
    C8: "an init script", "medium for being there; high as for C7",
        "It runs as root before Docker starts, and verifiers that do not know the field miss it.",
        "Leave it out, or publish why each line is needed.";
    C9: "more rights than a container needs", "high for Docker's socket, privileged, the gravest capabilities and system paths; else medium",
        "Code in that container can change what runs beside it, or start other images, without another compose hash.",
        "Give the service the one right it needs; dstack's own socket needs none of these.";
    C10: "an image built where the app runs", "high",
        "What comes out of a build depends on the network at that moment, and nobody else gets the same.",
        "Build reproducibly elsewhere, publish the image and pin it by digest.";
    C11: "images that are replaced while running", "high for a service that updates others; medium for a pull policy that asks again; low for a restart of an image without a digest",
        "What runs can become something else at a moment that the operator chooses.",
        "Pin the image by digest and leave out the updater.";
    C12: "a way to log in", "critical if a script of the file takes it; else medium, because images for development take it as well",
        "The operator gets a shell on the machine, and with it every secret of every user.",
        "Take the name out of `allowed_envs` (`--ssh-pubkey` of Phala's tool adds it without a word).";
    C13: "what outsiders may see", "medium for hidden measurements; low for public logs",
        "Without measurements nobody can audit the app; with public logs everybody reads what it logs about users.",
        "Set `public_tcbinfo` to true and `public_logs` to false.";
    C14: "clock and instances", "medium for an unauthenticated clock; note for instances that share an id",
        "The host sets the time that the app sees, or instances cannot be told apart.",
        "Set `secure_time` to true and `no_instance_id` to false.";
    C15: "where keys come from", "medium for a local provider, and for a key service that is not pinned; note for none",
        "Keys from elsewhere are not those that users know, or do not survive a move to another machine.",
        "Set `key_provider` to kms and `key_provider_id` to the public key of the key service.";
    C16: "an OS image for development", "critical",
        "Images for development let the operator log in.",
        "Run on a release image and pin it in the app's contract.";
    C17: "a view of the chain that the operator sets", "high",
        "The operator can show the app a chain of their own, with any owner, balance or contract they like.",
        "Write node and contract into the compose file, or verify what the node says against headers.";
    C18: "a name that dstack does not know", "medium at the top, low inside a field",
        "Guests ignore it today and hash it all the same; a newer guest may act upon it, as happened with `init_script`.",
        "Take it out, or say where it comes from.";
    C19: "another hash than claimed", "critical",
        "This file is not the one that was claimed: everything below is about something else.",
        "Get the very bytes, without any reformatting, from the machine or from whoever published them.";
    C20: "a variable that nobody can set", "note",
        "It is empty, or its default, because it is not in `allowed_envs`.",
        "Write the value into the compose file, or allow the name.";
    C21: "something that could not be read", "high",
        "Everything else about it is unknown; the absence of findings says nothing.",
        "Write plain YAML: one document, no repeated names, no tags.";
    C22: "a field that readers take differently", "high for repeated names; medium otherwise",
        "Guests, tools and auditors may each see something else in the same file.",
        "Write each name once, with the kind of value that dstack expects.";
    C23: "something outside the file", "high for other compose files; medium for contents of configs and secrets",
        "What is included from elsewhere is not covered by the compose hash.",
        "Write it into the compose file.";
    C24: "values that nobody authenticates", "medium",
        "Anybody who controls the host can replace all values of variables, since they are encrypted to a key that everybody may have.",
        "Set `requirements.launch_token_hash`, with `manifest_version` \"3\".";
    C25: "a GPU that may be debugged", "high",
        "Memory of a GPU in such a mode is open to whoever controls the host.",
        "Leave out the exceptions from `requirements.gpu_policy`.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_stands_once_and_in_sentences() {
        for (n, info) in RULES.iter().enumerate() {
            assert_eq!(format!("C{}", n + 1), info.rule.to_string());
            assert_eq!(info.rule.info().title, info.title);
            for sentence in [info.means, info.fix] {
                assert!(sentence.ends_with('.') && !sentence.contains('|'), "{sentence}");
            }
        }
        assert_eq!(RULES.last().map(|info| info.rule), Some(Rule::C25));
    }
}
