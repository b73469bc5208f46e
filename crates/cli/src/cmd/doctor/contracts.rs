//! The contracts that are followed: whether each is there, and is what it is taken for.

use super::{Limit, lines::Lines, nodes::Found};
use alloy_primitives::{Address, keccak256};
use devproof_chain::{ChainError, Identity};
use devproof_contracts::{
    Code,
    bindings::{factory::AppAuthFactory, registry::DeletionRegistry},
    stock::DstackKms,
};
use devproof_indexer::Sources;

/// The most contracts of a kind that are looked at: a file with thousands of apps would take hours.
const MOST: usize = 50;

/// What to do about an address that is not what it is taken for.
const ADVICE: &str = "check the address and the chain";

/// Looks at each.
pub(super) async fn look(
    sources: &Sources,
    found: Option<&Found>,
    limit: Limit,
    lines: &mut Lines,
) {
    let Sources { kms, factories, registries, apps } = sources;
    let all = [
        ("contract.kms", kms),
        ("contract.factory", factories),
        ("contract.registry", registries),
        ("contract.app", apps),
    ];
    for (id, addresses) in all {
        if addresses.len() > MOST {
            let message =
                format!("{} are named, and the first {MOST} were looked at", addresses.len());
            lines.unknown(id, None, &message, "`devproof index` looks at all of them");
        }
        for address in addresses.iter().take(MOST) {
            let name = address.to_string();
            let Some(found) = found else {
                lines.unknown(
                    id,
                    Some(&name),
                    "without a node nobody knows what is there",
                    "name a node with --rpc-url",
                );
                continue;
            };
            match limit.within(one(id, *address, found)).await {
                Ok(Ok(message)) => lines.pass(id, Some(&name), &message),
                Ok(Err(Wrong { message, fails: true })) => {
                    lines.fail(id, Some(&name), &message, ADVICE)
                }
                Ok(Err(Wrong { message, .. })) => lines.note(id, Some(&name), &message, ""),
                Err(why) => lines.unknown(
                    id,
                    Some(&name),
                    &why.sentence(),
                    "ask again, or name another node",
                ),
            }
        }
    }
}

/// A contract that is not quite what was hoped.
struct Wrong {
    message: String,
    fails: bool,
}

async fn one(
    id: &str,
    address: Address,
    found: &Found,
) -> Result<Result<String, Wrong>, ChainError> {
    let Found { node, head } = found;
    let wrong = |message: String| Ok(Err(Wrong { message, fails: true }));
    let identity = node.identify(address, head.number).await?;
    let Some(code_hash) = identity.code_hash else {
        return wrong(format!("there is no contract at this address on chain {}", node.chain_id()));
    };
    Ok(match id {
        "contract.kms" => {
            let question = DstackKms::registeredAppsCall { appId: Address::ZERO };
            if node.asked(address, &question, head.number).await?.is_none() {
                return wrong("it does not answer as a KMS does".to_owned());
            }
            Ok(format!("it answers as a KMS does; {}", behind(&identity)))
        }
        "contract.factory" => {
            if code_hash == keccak256(&AppAuthFactory::DEPLOYED_BYTECODE) {
                return Ok(Ok("it is the factory of this devproof, byte for byte".to_owned()));
            }
            let question = AppAuthFactory::isDeployedCall { app: Address::ZERO };
            if node.asked(address, &question, head.number).await?.is_none() {
                return wrong("it does not answer as a factory does".to_owned());
            }
            let message = format!(
                "it answers as a factory does, and its code ({code_hash}) is another than that of this devproof"
            );
            Err(Wrong { message, fails: false })
        }
        "contract.registry" => match node
            .asked(address, &DeletionRegistry::verifierCall {}, head.number)
            .await?
        {
            Some(verifier) => Ok(format!(
                "it answers as a registry of deletions does; its verifier is {verifier}"
            )),
            None => return wrong("it does not answer as a registry of deletions does".to_owned()),
        },
        _ => of_app(&identity),
    })
}

fn of_app(identity: &Identity) -> Result<String, Wrong> {
    let note = |message: &str| {
        Err(Wrong { message: format!("{message}; {}", behind(identity)), fails: false })
    };
    match identity.code {
        Code::AppAuth => {
            Ok("it is an AppAuth, whose notice is enforced by code that nobody can change"
                .to_owned())
        }
        Code::AppAuthTest => note("it is the test build of AppAuth, whose notice protects nobody"),
        Code::DstackApp => {
            note("it answers as a stock app does, whose owner can do anything at once")
        }
        Code::LegacyAppAuth => note(
            "it answers as an app of the generation before DstackKms does, whose owner can do anything at once",
        ),
        Code::TimelockAppAuth => note(
            "it answers as the tutorial's TimelockAppAuth does; what it really does nobody checked",
        ),
        Code::Unknown => {
            note("nobody knows this code: what its events say is all that can be told")
        }
    }
}

/// What code it is.
fn behind(identity: &Identity) -> String {
    let hash = identity.code_hash.map(|hash| hash.to_string()).unwrap_or_default();
    match (identity.implementation, identity.implementation_hash) {
        (Some(implementation), Some(hash)) => {
            format!(
                "behind it is {implementation}, with the code {hash}, which whoever owns it may be able to replace"
            )
        }
        (Some(implementation), None) => {
            format!("behind it is {implementation}, where there is no code")
        }
        (None, _) => format!("its code is {hash}"),
    }
}
