//! From what somebody wants to what would change, or why nothing would.

use crate::{
    Action, AppView, Born, Call, OperatorError, Setting, ValueView,
    history::proved_history,
    read::{read, value},
};
use alloy::{
    primitives::{Address, B256, keccak256},
    sol_types::SolValue,
};
use devproof_chain::Node;
use devproof_contracts::{
    Code,
    bindings::{AppAuth, factory::AppAuthFactory},
    stock::DstackKms,
};
use devproof_primitives::{BlockRef, GRACE_PERIOD, ProposalState};

/// What is to be done, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The block after which everything was read.
    pub block: BlockRef,
    /// When the next block is expected, Unix seconds.
    pub next_time: u64,
    /// The app's contract.
    pub app: Address,
    /// What it says of itself; `None` before it is deployed.
    pub view: Option<AppView>,
    /// What is wanted.
    pub action: Action,
    /// The call that does it.
    pub call: Call,
    /// Where it stands.
    pub standing: Standing,
}

/// Where something that is wanted stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is as wanted already.
    Done(Done),
    /// It can be done from this time on, Unix seconds, and not before; until `expires_at`.
    TooEarly {
        /// When it may be activated.
        ripe_at: u64,
        /// When it is dead.
        expires_at: u64,
    },
    /// It cannot be done, for this reason: a sentence without a full stop that says what to do.
    No(String),
    /// It can be done, and this would come of it.
    Go(Effect),
}

/// In which way something is as wanted already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is in force.
    InForce,
    /// It is announced.
    Announced {
        /// When it may be activated, Unix seconds.
        ripe_at: u64,
        /// When it is dead.
        expires_at: u64,
    },
    /// There is nothing to take away.
    NotThere,
}

/// What would come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Everybody sees an announcement; nothing else changes before `ripe_at`.
    Announces {
        /// When it may be activated, Unix seconds: about, the block decides.
        ripe_at: u64,
        /// When it is dead.
        expires_at: u64,
        /// Whether an announcement of the same that is dead is cleared away.
        renews: bool,
    },
    /// What was announced is in force at once.
    Activates,
    /// What was announced will not come.
    Withdraws {
        /// Whether it is dead anyway.
        dead: bool,
    },
    /// Fewer boots are accepted, at once.
    Narrows {
        /// Whether a value is in force that will not be any more.
        in_force: bool,
        /// Whether an announcement of the same goes with it.
        withdraws: bool,
    },
    /// Somebody may accept the ownership, or the offer is taken back.
    Offers,
    /// The owner is another one, at once.
    ChangesOwner,
    /// A KMS knows the app from then on.
    Registers,
    /// An app is born, at the address that was computed here.
    GivesBirth,
}

/// Finds out where something stands. `app` is the contract; none for a deployment, which has its address from what it is born with.
///
/// # Errors
/// What the node says; [`OperatorError::NoContract`].
pub async fn plan(
    node: &Node,
    app: Option<Address>,
    action: Action,
    from: Option<Address>,
) -> Result<Plan, OperatorError> {
    if let Action::Deploy { factory, born, salt, .. } = &action {
        let app = predict(*factory, born, *salt);
        return deployment(node, app, action).await;
    }
    let app =
        app.ok_or_else(|| OperatorError::Unsupported("name the app by its address".into()))?;
    let view = read(node, app).await?;
    let call = action.call(app, view.code);
    let standing = match &action {
        Action::Register { kms } => registration(node, &view, *kms).await?,
        _ => standing(node, &view, &action, from).await?,
    };
    let (block, next_time) = (view.block, view.next_time);
    Ok(Plan {
        chain_id: node.chain_id(),
        block,
        next_time,
        app,
        view: Some(view),
        action,
        call,
        standing,
    })
}

/// The address that an app born with this gets from a factory (EIP-1014): it commits to all of it.
#[must_use]
pub fn predict(factory: Address, born: &Born, salt: B256) -> Address {
    let code = [AppAuth::BYTECODE.as_ref(), &born.settings().abi_encode()].concat();
    factory.create2(salt, keccak256(code))
}

async fn deployment(node: &Node, app: Address, action: Action) -> Result<Plan, OperatorError> {
    let Action::Deploy { factory, kms, .. } = &action else {
        return Err(OperatorError::Unsupported("this is no deployment".into()));
    };
    let block = node.heads().await?.latest;
    let next_time = node.next_time(block).await?;
    let code = node.account_state(*factory, block.hash).await?.code;
    let there = node.account_state(app, block.hash).await?.code;
    let standing = if code.is_empty() {
        return Err(OperatorError::NoContract(*factory));
    } else if code != AppAuthFactory::DEPLOYED_BYTECODE {
        Standing::No(format!(
            "the contract at {factory} is not the factory of this version of devproof, so nobody knows what it deploys: check the \
             address, or deploy the factory with script/Deploy.s.sol"
        ))
    } else if !there.is_empty() && !kms.is_zero() && !knows(node, *kms, app, block).await? {
        Standing::No(format!(
            "the app is at {app} already, and the KMS {kms} does not know it: register it with `devproof app register`"
        ))
    } else if !there.is_empty() {
        Standing::Done(Done::InForce)
    } else if let Some(why) = no_kms(node, *kms, block).await? {
        Standing::No(why)
    } else {
        Standing::Go(Effect::GivesBirth)
    };
    let call = action.call(app, Code::AppAuth);
    let view = if there.is_empty() { None } else { Some(read(node, app).await?) };
    Ok(Plan { chain_id: node.chain_id(), block, next_time, app, view, action, call, standing })
}

/// Why an address is no KMS; zero is none, and no mistake.
async fn no_kms(
    node: &Node,
    kms: Address,
    block: BlockRef,
) -> Result<Option<String>, OperatorError> {
    if kms.is_zero() {
        return Ok(None);
    }
    let question = DstackKms::registeredAppsCall { appId: kms };
    let said = node.asked(kms, &question, block.number).await?;
    Ok(said.is_none().then(|| {
        format!(
            "the contract at {kms} does not answer as a KMS does: check the address and the chain"
        )
    }))
}

/// Whether a KMS knows an app.
async fn knows(
    node: &Node,
    kms: Address,
    app: Address,
    block: BlockRef,
) -> Result<bool, OperatorError> {
    let question = DstackKms::registeredAppsCall { appId: app };
    Ok(node.asked(kms, &question, block.number).await? == Some(true))
}

async fn registration(node: &Node, app: &AppView, kms: Address) -> Result<Standing, OperatorError> {
    let question = DstackKms::registeredAppsCall { appId: app.address };
    Ok(match node.asked(kms, &question, app.block.number).await? {
        Some(true) => Standing::Done(Done::InForce),
        Some(false) => Standing::Go(Effect::Registers),
        None => Standing::No(format!(
            "the contract at {kms} does not answer as a KMS does: check the address and the chain"
        )),
    })
}

async fn standing(
    node: &Node,
    app: &AppView,
    action: &Action,
    from: Option<Address>,
) -> Result<Standing, OperatorError> {
    if let Some(why) = unsupported(app, action) {
        return Ok(Standing::No(why));
    }
    if matches!(action, Action::Propose { setting: Setting::OsImage, .. }) && !app.os_images_pinned
    {
        return Ok(Standing::No(
            "the app has no list of OS images, so that every one that the KMS admits is accepted, this one as well: begin a list, at \
             once, with `devproof app images --pin`"
                .into(),
        ));
    }
    if let Some((setting, value_)) = action.subject() {
        let view = value(node, app, setting, value_).await?;
        return Ok(of_a_value(app, action, &view));
    }
    let done = |yes, effect| {
        if yes { Standing::Done(Done::InForce) } else { Standing::Go(effect) }
    };
    let narrows = Effect::Narrows { in_force: true, withdraws: false };
    Ok(match action {
        Action::RequireTcb => {
            let view = value(node, app, Setting::TcbRequirement, B256::ZERO).await?;
            let withdraws = view.ripe_at.is_some();
            let effect = Effect::Narrows { in_force: view.in_force, withdraws };
            done(app.require_tcb_up_to_date && !withdraws, effect)
        }
        Action::PinOsImages(images) => {
            let mut all = app.os_images_pinned;
            for image in images {
                all = all && value(node, app, Setting::OsImage, *image).await?.in_force;
            }
            match further_images(node, app, images, all).await? {
                0 => done(all, narrows),
                more => Standing::No(format!(
                    "the app's list of OS images has these and {more} more, which stay accepted: take each away, at once, with \
                     `devproof app images --remove`"
                )),
            }
        }
        Action::IncreaseNotice(seconds) => done(app.notice_seconds == u64::from(*seconds), narrows),
        Action::NameGuardian(guardian) => done(app.guardian == Some(*guardian), narrows),
        Action::OfferOwnership(to) => {
            let offered = app.pending_owner.unwrap_or_default() == *to;
            done(offered || app.owner == Some(*to), Effect::Offers)
        }
        Action::AcceptOwnership => done(from.is_some() && app.owner == from, Effect::ChangesOwner),
        _ => Standing::Go(narrows),
    })
}

/// How many OS images the app accepts beside `images`, where it accepts all of these. No function of the contract lists them:
/// its history does.
async fn further_images(
    node: &Node,
    app: &AppView,
    images: &[B256],
    all: bool,
) -> Result<usize, OperatorError> {
    if !all {
        return Ok(0);
    }
    let (policy, _) = proved_history(node, app).await?;
    let accepted = policy.os_images.unwrap_or_default();
    Ok(accepted.keys().filter(|image| !images.contains(image)).count())
}

/// Why a step does not exist for a contract of this kind.
fn unsupported(app: &AppView, action: &Action) -> Option<String> {
    if app.has_notice() {
        return None;
    }
    let stock = matches!(app.code, Code::DstackApp | Code::LegacyAppAuth);
    if stock {
        let narrows = matches!(
            action,
            Action::Remove {
                setting: Setting::ComposeHash | Setting::Device | Setting::AnyDevice,
                ..
            } | Action::OfferOwnership(_)
                | Action::AcceptOwnership
        );
        return (!narrows).then(|| {
            format!(
                "{} is a stock contract: no notice exists there, its owner can do this and everything else at once, and can replace \
                 its code; to give users notice, deploy an AppAuth with `devproof app deploy` and move the app to it",
                app.address
            )
        });
    }
    Some(match app.code {
        Code::TimelockAppAuth => format!(
            "{} is the tutorial's TimelockAppAuth, whose announcements never die and whose events other tools do not read: use \
             the tutorial's own tools, or deploy an AppAuth with `devproof app deploy`",
            app.address
        ),
        _ => format!(
            "nobody knows the code at {}, so what it would do cannot be told: check the address and the chain",
            app.address
        ),
    })
}

fn of_a_value(app: &AppView, action: &Action, view: &ValueView) -> Standing {
    let now = app.next_time;
    let announced = view.ripe_at.zip(view.expires_at()).zip(view.state_at(now));
    match action {
        Action::Propose { .. } => match announced {
            _ if view.in_force => Standing::Done(Done::InForce),
            Some(((ripe_at, expires_at), ProposalState::Pending | ProposalState::Ripe)) => {
                Standing::Done(Done::Announced { ripe_at, expires_at })
            }
            dead => {
                let ripe_at = now.saturating_add(app.notice_seconds);
                let expires_at = ripe_at.saturating_add(GRACE_PERIOD);
                Standing::Go(Effect::Announces { ripe_at, expires_at, renews: dead.is_some() })
            }
        },
        Action::Activate { .. } => match announced {
            _ if view.in_force => Standing::Done(Done::InForce),
            Some(((ripe_at, expires_at), ProposalState::Pending)) => {
                Standing::TooEarly { ripe_at, expires_at }
            }
            // Whatever else keeps it from being activated, the contract says.
            _ => Standing::Go(Effect::Activates),
        },
        Action::Cancel { .. } => match announced {
            Some((_, state)) => {
                Standing::Go(Effect::Withdraws { dead: state == ProposalState::Expired })
            }
            None if view.in_force => Standing::No(
                "it is not announced any more but in force, so that there is nothing to cancel: `devproof remove` ends it".into(),
            ),
            None => Standing::Done(Done::NotThere),
        },
        _ if view.in_force || announced.is_some() => Standing::Go(Effect::Narrows {
            in_force: view.in_force,
            withdraws: announced.is_some(),
        }),
        _ => Standing::Done(Done::NotThere),
    }
}

/// When an announcement in these logs comes and dies, as the contract said it; `None` if there is none.
#[must_use]
pub fn announced_in(
    app: Address,
    logs: &[(Address, Vec<B256>, alloy::primitives::Bytes)],
) -> Option<(u64, u64)> {
    (logs.iter().filter(|(address, ..)| *address == app))
        .find_map(|(_, topics, data)| devproof_contracts::announcement(topics, data))
        .and_then(|it| Some((it.ripe_at, it.expires_at?)))
}
