//! Who signs: a key, a Safe, or somebody else with the call as data.

use crate::{
    Failure,
    cmd::keys::{Source, asked_password},
    opts::SignArgs,
    shell::Shell,
};
use alloy_primitives::Address;
use devproof_operator::{
    Action, Plan,
    keys::{Key, LocalKey},
};
use std::path::Path;

/// Who signs.
#[derive(Debug)]
pub(super) enum Signer {
    /// A key of ours, wherever it is.
    Key(Key),
    /// A Safe.
    Safe(Address),
    /// Somebody who gets the call as data.
    Calldata,
    /// Nobody: it is only shown what this account would do.
    Nobody(Address),
}

impl Signer {
    /// The account, where it is known.
    pub(super) const fn address(&self) -> Option<Address> {
        match self {
            Self::Key(key) => Some(key.address()),
            Self::Safe(address) | Self::Nobody(address) => Some(*address),
            Self::Calldata => None,
        }
    }

    /// Who will be the one that calls.
    pub(super) fn caller(&self, plan: &Plan) -> Address {
        if let Some(address) = self.address() {
            return address;
        }
        // Whoever signs elsewhere is most likely who may.
        match (&plan.action, &plan.view) {
            (Action::AcceptOwnership, Some(view)) => view.pending_owner.unwrap_or_default(),
            (_, Some(view)) => view.owner.unwrap_or_default(),
            (Action::Deploy { born, .. }, None) => born.owner,
            _ => Address::ZERO,
        }
    }

    /// Finds out who signs, and opens the key. Asks for a password only here.
    pub(super) async fn of(args: &SignArgs, shell: &mut Shell) -> Result<Self, Failure> {
        if args.calldata {
            return Ok(Self::Calldata);
        }
        if let Some(from) = args.from {
            return Ok(Self::Nobody(from));
        }
        if let Some(safe) = args.safe {
            return Ok(Self::Safe(safe));
        }
        if let Some(key) = &args.private_key {
            shell.warn(
                "a private key on the command line is in the history of the shell, and others on this machine can read it: use a \
                 keystore.",
            );
            return Ok(Self::Key(LocalKey::from_private_key(&key.as_str().into())?.into()));
        }
        let source = Source::of(&args.key)?.ok_or_else(|| {
            Failure::Usage(
                "nobody signs: name a keystore with --account or --keystore, a Safe with --safe, or take the call with --calldata".into(),
            )
        })?;
        let ask = |keystore: &Path| asked_password(&args.key.store, keystore, shell);
        source.open(&args.key, ask).await.map(Self::Key)
    }
}
