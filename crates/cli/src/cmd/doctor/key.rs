//! Who signs: whether the key is there, is the one it is taken for, and can pay.

use super::{Limit, Why, lines::Lines, nodes::Found};
use crate::{
    Failure,
    cmd::{
        keys::{Source, password},
        operator::words::coins,
    },
    opts::{KeyArgs, SignArgs},
};
use alloy_primitives::Address;
use devproof_operator::keys::keystore_address;

/// Looks at the key that would sign. Asks nobody for a password.
pub(super) async fn look(args: &SignArgs, found: Option<&Found>, limit: Limit, lines: &mut Lines) {
    if let Some(safe) = args.safe {
        of_safe(safe, found, limit, lines).await;
        return;
    }
    let address = match account(&args.key, limit, lines).await {
        Ok(Some(address)) => address,
        Ok(None) => return,
        Err(Failure::Usage(why)) => {
            let advice = "name a keystore that `devproof key` or `cast wallet` wrote, and its password with --password-file";
            lines.fail("key.opens", None, &why, advice);
            return;
        }
        Err(Failure::CouldNotTell(why)) => {
            lines.unknown(
                "key.opens",
                None,
                &why,
                "docs/operator.md has what each kind of key needs",
            );
            return;
        }
        Err(Failure::Interrupted | Failure::BrokenPipe) => return,
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
async fn account(
    args: &KeyArgs,
    limit: Limit,
    lines: &mut Lines,
) -> Result<Option<Address>, Failure> {
    let Some(source) = Source::of(args)? else {
        let advice = "to announce and activate, name one with --account or --keystore, or a Safe in devproof.toml";
        lines.note(
            "key.configured",
            None,
            "no key is named; only the operator's verbs need one",
            advice,
        );
        return Ok(None);
    };
    let (name, password) = (source.name(), password(&args.store)?);
    let mut says = None;
    if let Source::Keystore(path) = &source {
        says = keystore_address(path)?;
        let whose = says.map(|address| format!(", and says that it is that of {address}"));
        let message = format!("{name} is a keystore{}", whose.unwrap_or_default());
        lines.pass("key.keystore", None, &message);
        if password.is_none() {
            lines.unknown(
                "key.opens",
                None,
                "the keystore was not opened, since its password was not given",
                "give it with --password-file or DEVPROOF_PASSWORD, if it is to be tried",
            );
            return Ok(says);
        }
    }
    let missing = || Failure::Usage("the password was not given".into());
    let opening = source.open(args, |_| password.ok_or_else(missing));
    let key = match limit.within(opening).await {
        Ok(key) => key,
        Err(Why::Said(failure)) => return Err(failure),
        Err(Why::Late(limit)) => {
            let message = format!("{name} did not answer in {} s", limit.as_secs());
            return Err(Failure::CouldNotTell(message));
        }
    };
    match says {
        Some(says) if says != key.address() => Err(Failure::Usage(format!(
            "the keystore says that it is that of {says}, and holds the key of {}",
            key.address()
        ))),
        _ => {
            let message = format!("{name} is the key of {}", key.address());
            lines.pass("key.opens", None, &message);
            Ok(Some(key.address()))
        }
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
