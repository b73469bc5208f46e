//! Who signs: whether the key is there, is the one it is taken for, and can pay.

use super::{Limit, lines::Lines, nodes::Found};
use crate::{
    Failure,
    cmd::operator::signer::{keystore, secret_in, secret_of},
    cmd::operator::words::coins,
    opts::SignArgs,
};
use alloy_primitives::Address;
use devproof_operator::keys::{Key, keystore_address};
use secrecy::SecretString;
use std::path::Path;

/// Looks at the key that would sign. Asks nobody for a password.
pub(super) async fn look(args: &SignArgs, found: Option<&Found>, limit: Limit, lines: &mut Lines) {
    if let Some(safe) = args.safe {
        of_safe(safe, found, limit, lines).await;
        return;
    }
    let address = match account(args, lines) {
        Ok(Some(address)) => address,
        Ok(None) => return,
        Err(Failure::Usage(why) | Failure::CouldNotTell(why)) => {
            let advice = "name a keystore that `cast wallet import` wrote, and its password with --password-file";
            lines.fail("key.opens", None, &why, advice);
            return;
        }
        Err(Failure::BrokenPipe) => return,
    };
    let Some(found) = found else { return };
    let name = address.to_string();
    match limit.within(found.node.balance(address, found.head.number)).await {
        Ok(balance) if balance.is_zero() => {
            let message = format!(
                "it has nothing on chain {} to pay for transactions with",
                found.node.chain_id()
            );
            lines.fail("key.balance", Some(&name), &message, "send it some of the chain's coin");
        }
        Ok(balance) => {
            let message = format!(
                "it has {} of the coin of chain {}",
                coins(balance.saturating_to()),
                found.node.chain_id()
            );
            lines.pass("key.balance", Some(&name), &message);
        }
        Err(why) => lines.unknown(
            "key.balance",
            Some(&name),
            &why.sentence(),
            "ask again, or name another node",
        ),
    }
}

/// The account that signs, as far as it can be known.
fn account(args: &SignArgs, lines: &mut Lines) -> Result<Option<Address>, Failure> {
    if let Some(file) = &args.mnemonic_file {
        let key = Key::from_mnemonic(&secret_of(file)?, args.mnemonic_index)?;
        return Ok(Some(opened(&key, "the phrase in the file", lines)));
    }
    if let Some(path) = keystore(args)? {
        return of_keystore(&path, password(args)?, lines);
    }
    if let Some(key) = secret_in("DEVPROOF_PRIVATE_KEY")? {
        let key = Key::from_private_key(&key)?;
        return Ok(Some(opened(&key, "DEVPROOF_PRIVATE_KEY", lines)));
    }
    if let Some(phrase) = secret_in("DEVPROOF_MNEMONIC")? {
        let key = Key::from_mnemonic(&phrase, args.mnemonic_index)?;
        return Ok(Some(opened(&key, "DEVPROOF_MNEMONIC", lines)));
    }
    let advice = "to announce and activate, name one with --account or --keystore, or a Safe in devproof.toml";
    lines.note(
        "key.configured",
        None,
        "no key is named; only the operator's verbs need one",
        advice,
    );
    Ok(None)
}

fn opened(key: &Key, from: &str, lines: &mut Lines) -> Address {
    let message = format!("{from} is the key of {}", key.address());
    lines.pass("key.opens", None, &message);
    key.address()
}

fn password(args: &SignArgs) -> Result<Option<SecretString>, Failure> {
    match &args.password_file {
        Some(file) => secret_of(file).map(Some),
        None => secret_in("DEVPROOF_PASSWORD"),
    }
}

fn of_keystore(
    path: &Path,
    password: Option<SecretString>,
    lines: &mut Lines,
) -> Result<Option<Address>, Failure> {
    let says = keystore_address(path)?;
    let name = path.display();
    let whose = says.map(|address| format!(", and says that it is that of {address}"));
    let message = format!("{name} is a keystore{}", whose.unwrap_or_default());
    lines.pass("key.keystore", None, &message);
    let Some(password) = password else {
        lines.unknown(
            "key.opens",
            None,
            "the keystore was not opened, since its password was not given",
            "give it with --password-file or DEVPROOF_PASSWORD, if it is to be tried",
        );
        return Ok(says);
    };
    let key = Key::from_keystore(path, &password)?;
    match says {
        Some(says) if says != key.address() => Err(Failure::Usage(format!(
            "the keystore says that it is that of {says}, and holds the key of {}",
            key.address()
        ))),
        _ => Ok(Some(opened(&key, &format!("{name}"), lines))),
    }
}

async fn of_safe(safe: Address, found: Option<&Found>, limit: Limit, lines: &mut Lines) {
    let name = safe.to_string();
    let Some(found) = found else {
        lines.unknown(
            "key.safe",
            Some(&name),
            "without a node nobody knows whether a Safe is there",
            "name a node with --rpc-url",
        );
        return;
    };
    match limit.within(devproof_operator::safe::owners(&found.node, safe, found.head.number)).await
    {
        Ok((threshold, owners)) => {
            lines.pass(
                "key.safe",
                Some(&name),
                &format!("it is a Safe, and {threshold} of {owners} owners sign"),
            );
        }
        Err(why) => {
            lines.fail("key.safe", Some(&name), &why.sentence(), "check the address and the chain")
        }
    }
}
