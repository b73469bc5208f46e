//! Rows about the machine: what it booted, and what it says it is.

use super::{Check, CheckId, Concern, Outcome, Question, Subject, Warning, keys};
use crate::{
    Agreement, EventLog, Identity, KeyProvider, KeyProviderKind, Measurements, MrConfigId,
    TdxQuote, digest::sha256, encoding, event_log::RUNTIME_REGISTER,
};
use alloy_primitives::B256;
use devproof_primitives::ComposeHash;
use serde::Deserialize;
use std::fmt::Display;

/// Names that mean something in the events of a boot, and nothing behind them.
const MEANINGFUL: [&str; 5] =
    ["app-id", "compose-hash", "instance-id", "key-provider", "os-image-hash"];

/// What the event log says, and whether it is the quote's.
pub(super) struct Machine<'a> {
    question: &'a Question<'a>,
    quote: &'a TdxQuote,
    log: Option<&'a EventLog>,
    identity: Option<Identity>,
    /// Why the log is not believed, if it is not.
    fault: Option<String>,
    /// The image in the machine's configuration, which is the host's word.
    configured_image: Option<B256>,
}

/// The part of a machine's configuration that names its image.
#[derive(Deserialize)]
struct VmConfig {
    os_image_hash: Option<String>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(question: &'a Question<'a>, quote: &'a TdxQuote) -> Self {
        let evidence = question.evidence;
        let configured_image = evidence.vm_config.as_ref().and_then(|config| {
            let config: VmConfig = serde_json::from_str(config).ok()?;
            let hash = encoding::hex_array(&config.os_image_hash?, "os_image_hash").ok()?;
            Some(B256::from(hash))
        });
        let mut machine =
            Self { question, quote, log: None, identity: None, fault: None, configured_image };
        match &evidence.event_log {
            None => {}
            Some(Err(error)) => machine.fault = Some(error.to_string()),
            Some(Ok(log)) => {
                machine.log = Some(log);
                machine.fault = mismatch(log, quote);
                match log.identity() {
                    Ok(identity) => machine.identity = Some(identity),
                    Err(error) => {
                        machine.fault.get_or_insert(error.to_string());
                    }
                }
            }
        }
        machine
    }

    /// What the log says, if it is the quote's.
    pub(super) fn proven(&self) -> Option<&Identity> {
        self.identity.as_ref().filter(|_| self.fault.is_none())
    }

    pub(super) fn event_log(&self) -> Check {
        let Some(given) = &self.question.evidence.event_log else {
            return Check::new(CheckId::EventLog, Outcome::NotEvaluated, "there is no event log");
        };
        let row = |result, how: &dyn Display| {
            let row = Check::new(CheckId::EventLog, result, how);
            match given {
                Ok(log) => row
                    .evidence(sha256(log.json().as_bytes()))
                    .detail("events", log.events().len())
                    .detail("firmwareEvents", !log.is_stripped()),
                Err(_) => row,
            }
        };
        if let Some(fault) = &self.fault {
            return row(Outcome::Fail, fault);
        }
        let stripped = self.log.is_some_and(EventLog::is_stripped);
        let value = self.quote.rtmr(RUNTIME_REGISTER.into()).unwrap_or_default();
        row(
            Outcome::Pass,
            if stripped {
                &"digests computed anew add up to RTMR3; the events of the firmware were left out, so RTMR0 to 2 are as quoted"
            } else {
                &"digests computed anew add up to RTMR0 to 3"
            },
        )
        .value(value)
    }

    /// The image whose measurements the policy knows, if the machine has them.
    fn known(&self) -> Option<&'a Measurements> {
        let quoted = |n| self.quote.rtmr(n).unwrap_or_default();
        self.question.policy.measurements.iter().find(|image| {
            image.mrtd == self.quote.mrtd()
                && [image.rtmr0, image.rtmr1, image.rtmr2] == [quoted(0), quoted(1), quoted(2)]
        })
    }

    /// The image, and whether it is known to run. The hash is a claim otherwise.
    pub(super) fn image(&self) -> (Option<B256>, Option<String>) {
        if let Some(image) = self.known() {
            let name = image.name.as_deref().unwrap_or("an image");
            let how = format!("the measurements are those of {name} in the policy");
            return (image.os_image_hash.or(self.configured_image), Some(how));
        }
        let identity = self.proven();
        if let Some(identity) = identity
            && keys::holds_app_certificate(self.question, self.quote, identity)
        {
            let how = "the KMS vouches for this machine's key, which it does only after it checked the image";
            return (identity.os_image_hash.or(self.configured_image), Some(how.to_owned()));
        }
        let said = identity.and_then(|identity| identity.os_image_hash);
        (self.configured_image.or(said), None)
    }

    pub(super) fn os_image(&self) -> Check {
        let (hash, verified) = self.image();
        let row = match verified {
            Some(how) => Check::new(CheckId::OsImage, Outcome::Pass, how),
            None if self.question.policy.measurements.is_empty() => Check::new(
                CheckId::OsImage,
                Outcome::Inconclusive,
                "nothing shows which operating system this is; an attacker's can claim to be any app",
            ),
            None => Check::new(
                CheckId::OsImage,
                Outcome::Fail,
                "the measurements are none of those that the policy accepts",
            ),
        };
        let register = |n| self.quote.rtmr(n).unwrap_or_default().to_string();
        let row = match hash {
            Some(hash) => row.value(hash),
            None => row,
        };
        row.evidence(self.quote.id())
            .detail("mrtd", self.quote.mrtd().to_string())
            .detail("rtmr0", register(0))
            .detail("rtmr1", register(1))
            .detail("rtmr2", register(2))
    }

    pub(super) fn os_image_allowed(&self) -> Check {
        let id = CheckId::OsImageAllowed;
        let accepted = &self.question.policy.os_images;
        if accepted.is_empty() {
            let how = "the policy names no images, and no KMS contract was asked";
            return Check::new(id, Outcome::NotEvaluated, how);
        }
        let (hash, verified) = self.image();
        let Some(hash) = hash else {
            return Check::new(id, Outcome::Inconclusive, "nothing says which image it is");
        };
        let row = match (accepted.contains(&hash), verified) {
            (false, _) => Check::new(id, Outcome::Fail, "the policy does not accept this image"),
            (true, None) => Check::new(
                id,
                Outcome::Inconclusive,
                "the policy accepts this image, but nothing shows that it is this one",
            ),
            (true, Some(_)) => Check::new(id, Outcome::Pass, "the policy accepts this image"),
        };
        row.value(hash)
    }

    pub(super) fn app_id(&self) -> Check {
        let Some(identity) = self.proven() else { return self.unproven(CheckId::AppId) };
        let id = identity.app_id;
        let chain = self.question.evidence.certificates.as_ref();
        let other = match chain.map(|chain| chain.app_id()) {
            Some(Ok(Some(other))) if other != id => Some(format!("{other:#x}")),
            _ => None,
        };
        match other {
            Some(other) => Check::new(
                CheckId::AppId,
                Outcome::Fail,
                format!("the certificates are of app {other}"),
            ),
            None => Check::new(CheckId::AppId, Outcome::Pass, "measured into RTMR3 at boot"),
        }
        .value(format!("{id:#x}"))
    }

    pub(super) fn compose_hash(&self) -> Check {
        let Some(identity) = self.proven() else { return self.unproven(CheckId::ComposeHash) };
        Check::new(CheckId::ComposeHash, Outcome::Pass, "measured into RTMR3 at boot")
            .value(identity.compose_hash)
    }

    pub(super) fn compose_preimage(&self) -> Check {
        let id = CheckId::ComposePreimage;
        let saved = self.question.evidence.app_compose.as_deref().map(str::as_bytes);
        let shown: Vec<_> = self.question.compose.into_iter().chain(saved).collect();
        let Some(first) = shown.first() else {
            return Check::new(id, Outcome::NotEvaluated, "no app-compose.json was shown");
        };
        let row = |result, how: &str| {
            Check::new(id, result, how).value(ComposeHash::of(first)).evidence(sha256(first))
        };
        let Some(identity) = self.proven() else {
            return row(Outcome::Inconclusive, "no event log shows which version runs");
        };
        if shown.iter().all(|bytes| ComposeHash::of(bytes) == identity.compose_hash) {
            row(Outcome::Pass, "SHA-256 of the bytes that were shown is the compose hash")
        } else {
            row(Outcome::Fail, "the bytes that were shown are not those of the version that runs")
        }
    }

    pub(super) fn mr_config_id(&self) -> Check {
        let id = CheckId::MrConfigId;
        let row = |result, how: &dyn Display| {
            Check::new(id, result, how)
                .value(alloy_primitives::hex::encode_prefixed(self.quote.mr_config_id()))
                .evidence(self.quote.id())
        };
        let config = match MrConfigId::read(self.quote.mr_config_id()) {
            Ok(MrConfigId::Unset) => {
                return row(Outcome::NotEvaluated, &"the host set nothing to compare with");
            }
            Ok(config) => config,
            Err(error) => return row(Outcome::Fail, &error),
        };
        let Some(identity) = self.proven() else {
            return row(Outcome::NotEvaluated, &"no event log to compare with");
        };
        let document = self.question.evidence.mr_config.as_deref().map(str::as_bytes);
        match config.agrees(identity, document) {
            Agreement::Agrees => row(Outcome::Pass, &"the host says the same as the guest"),
            Agreement::Contradicts(why) => row(Outcome::Fail, &why),
            Agreement::CouldNotTell(why) => row(Outcome::Inconclusive, &why),
            Agreement::Unset => row(Outcome::NotEvaluated, &"the host set nothing"),
        }
    }

    pub(super) fn key_provider(&self) -> Check {
        let id = CheckId::KeyProvider;
        let Some(identity) = self.proven() else { return self.unproven(id) };
        let Some(provider) = &identity.key_provider else {
            return Check::new(id, Outcome::Inconclusive, "the event log names none");
        };
        let (result, how) = self.judge(provider);
        Check::new(id, result, how)
            .value(format!("{} {}", provider.kind.name(), provider.id))
            .detail("name", provider.kind.name())
            .detail("id", provider.id.to_string())
    }

    fn judge(&self, provider: &KeyProvider) -> (Outcome, &'static str) {
        let accepted = &self.question.policy.key_providers;
        if !accepted.is_empty() && !accepted.contains(&provider.kind) {
            return (Outcome::Fail, "the policy does not accept this kind of key provider");
        }
        let named = !accepted.is_empty();
        match (provider.kind, &self.question.kms.ca) {
            (KeyProviderKind::Kms, Some(ca)) if *ca == provider.id => {
                (Outcome::Pass, "the KMS that was named")
            }
            (KeyProviderKind::Kms, Some(_)) => {
                (Outcome::Fail, "another KMS than the one that was named")
            }
            (KeyProviderKind::Kms, None) if named => {
                (Outcome::Pass, "a KMS, as the policy wants; which one was not compared")
            }
            (KeyProviderKind::Kms, None) => (
                Outcome::Inconclusive,
                "a KMS; the keys of its contract were not given to compare with",
            ),
            _ if named => (Outcome::Pass, "no KMS, which the policy accepts"),
            _ => (Outcome::Inconclusive, "no KMS: nothing on a chain decides who gets these keys"),
        }
    }

    fn unproven(&self, id: CheckId) -> Check {
        let row = match (&self.fault, &self.question.evidence.event_log) {
            (None, None) => Check::new(id, Outcome::NotEvaluated, "there is no event log"),
            _ => Check::new(id, Outcome::Inconclusive, "the event log is not this quote's"),
        };
        let Some(identity) = &self.identity else { return row };
        match id {
            CheckId::AppId => row.value(format!("{:#x}", identity.app_id)),
            CheckId::ComposeHash => row.value(identity.compose_hash),
            _ => row,
        }
    }

    /// What the machine says it is. `proved` is left for the whole table to say.
    pub(super) fn subject(&self) -> Subject {
        let in_quote = match MrConfigId::read(self.quote.mr_config_id()) {
            Ok(MrConfigId::V1(hash)) => Some(hash),
            _ => None,
        };
        let os_image_hash = self.image().0;
        let Some(identity) = self.proven() else {
            return Subject { compose_hash: in_quote, os_image_hash, ..Subject::default() };
        };
        Subject {
            app_id: Some(identity.app_id),
            compose_hash: Some(identity.compose_hash),
            instance_id: identity.instance_id,
            key_provider: identity.key_provider.as_ref().map(|p| (p.kind, p.id.clone())),
            os_image_hash,
            proved: false,
        }
    }

    pub(super) fn warnings(&self, warnings: &mut Vec<Warning>) {
        let Some(identity) = self.proven() else { return };
        if identity.key_provider.as_ref().is_some_and(|p| p.kind == KeyProviderKind::LocalSgx) {
            warnings.push(Warning::new(
                Concern::LocalKeys,
                "The keys of this machine come from an enclave on the same host, not from a KMS: no contract decides who gets \
                 them, and no notice period protects them.",
            ));
        }
        if let (Some(said), Some(configured)) = (identity.os_image_hash, self.configured_image)
            && said != configured
        {
            warnings.push(Warning::new(
                Concern::OtherOsImage,
                format!(
                    "The KMS was told image {said}, the machine's configuration names {configured}: one of them may be another \
                     derivation of the same image, or a lie."
                ),
            ));
        }
        let behind = self.log.into_iter().flat_map(|log| log.behind_boot());
        let lookalike = behind.map(|event| event.name.as_str()).find(|n| MEANINGFUL.contains(n));
        if let Some(name) = lookalike {
            warnings.push(Warning::new(
                Concern::LookalikeEvents,
                format!(
                    "The app itself logged an event {name:?} after its boot. It proves nothing; a reader that takes it for the \
                     real one is deceived."
                ),
            ));
        }
    }
}

/// Which register the log does not add up to, if any.
fn mismatch(log: &EventLog, quote: &TdxQuote) -> Option<String> {
    let first = if log.is_stripped() { RUNTIME_REGISTER } else { 0 };
    (first..=RUNTIME_REGISTER).find_map(|n| {
        let (replayed, quoted) = (log.replay(n), quote.rtmr(n.into()).unwrap_or_default());
        (replayed != quoted)
            .then(|| format!("the log adds up to RTMR{n} {replayed}, the quote has {quoted}"))
    })
}
