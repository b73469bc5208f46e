//! Where an app stands, as its contract says after the newest block.

use crate::{OperatorError, Setting};
use alloy::{
    primitives::{Address, B256, U256},
    sol_types::SolCall,
};
use devproof_chain::{ChainError, Node};
use devproof_contracts::{Code, bindings::AppAuth, stock::DstackApp};
use devproof_primitives::{BlockRef, GRACE_PERIOD, ProposalState};

/// An app's contract after a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppView {
    /// The contract.
    pub address: Address,
    /// The block.
    pub block: BlockRef,
    /// When the next block is expected, Unix seconds: what is simulated happens then.
    pub next_time: u64,
    /// What code it has.
    pub code: Code,
    /// Who owns it; `None` if nobody does.
    pub owner: Option<Address>,
    /// To whom the ownership is offered.
    pub pending_owner: Option<Address>,
    /// Who may cancel and remove besides. Only an AppAuth has one.
    pub guardian: Option<Address>,
    /// Seconds between an announcement and its activation; 0 where there is no notice.
    pub notice_seconds: u64,
    /// How many announcements are pending, dead ones included.
    pub pending: u64,
    /// Whether any device may run it.
    pub allow_any_device: bool,
    /// Whether the TCB has to be up to date.
    pub require_tcb_up_to_date: bool,
    /// Whether it has a list of OS images of its own.
    pub os_images_pinned: bool,
}

impl AppView {
    /// Whether it is an AppAuth, or the test build of one.
    #[must_use]
    pub const fn has_notice(&self) -> bool {
        self.code.keeps_history()
    }
}

/// A value of a setting after a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueView {
    /// Whether it is in force.
    pub in_force: bool,
    /// From when what was announced may be activated; `None` if nothing was.
    pub ripe_at: Option<u64>,
    /// Whether the setting can never widen again.
    pub frozen: bool,
}

impl ValueView {
    /// When what was announced is dead.
    #[must_use]
    pub fn expires_at(&self) -> Option<u64> {
        self.ripe_at.map(|ripe| ripe.saturating_add(GRACE_PERIOD))
    }

    /// The state of what was announced at a time; `None` if nothing was.
    #[must_use]
    pub fn state_at(&self, time: u64) -> Option<ProposalState> {
        let (ripe, expires) = (self.ripe_at?, self.expires_at()?);
        Some(match time {
            time if time < ripe => ProposalState::Pending,
            time if time < expires => ProposalState::Ripe,
            _ => ProposalState::Expired,
        })
    }
}

/// Reads an app's contract after the newest block.
///
/// # Errors
/// [`OperatorError::NoContract`], or what the node says. What a contract of another kind does not answer is absent.
pub async fn read(node: &Node, address: Address) -> Result<AppView, OperatorError> {
    let block = node.heads().await?.latest;
    let next_time = node.next_time(block).await?;
    let identity = node.identify(address, block.number).await?;
    if identity.code_hash.is_none() {
        return Err(OperatorError::NoContract(address));
    }
    let asking = Asking { node, address, block };
    let person = |address: Option<Address>| address.filter(|address| !address.is_zero());
    let code = identity.code;
    let mut view = AppView {
        address,
        block,
        next_time,
        code,
        owner: person(asking.maybe(&DstackApp::ownerCall {}).await?),
        pending_owner: person(asking.maybe(&DstackApp::pendingOwnerCall {}).await?),
        guardian: None,
        notice_seconds: 0,
        pending: 0,
        allow_any_device: asking.maybe(&DstackApp::allowAnyDeviceCall {}).await?.unwrap_or(false),
        require_tcb_up_to_date: (asking.maybe(&DstackApp::requireTcbUpToDateCall {}).await?)
            .unwrap_or(false),
        os_images_pinned: false,
    };
    if code.keeps_history() {
        view.guardian = person(Some(asking.surely(&AppAuth::guardianCall {}).await?));
        view.notice_seconds = asking.surely(&AppAuth::noticePeriodCall {}).await?.into();
        let pending: U256 = asking.surely(&AppAuth::pendingCountCall {}).await?;
        view.pending = pending.saturating_to();
        view.os_images_pinned = asking.surely(&AppAuth::osImagesPinnedCall {}).await?;
    }
    Ok(view)
}

/// Reads where a value of a setting stands, after the block of `app`.
///
/// # Errors
/// What the node says.
pub async fn value(
    node: &Node,
    app: &AppView,
    setting: Setting,
    value: B256,
) -> Result<ValueView, OperatorError> {
    let asking = Asking { node, address: app.address, block: app.block };
    let yes = |value: Option<bool>| value.unwrap_or(false);
    let in_force = match setting {
        Setting::ComposeHash => {
            let call = DstackApp::allowedComposeHashesCall { composeHash: value };
            yes(asking.maybe(&call).await?)
        }
        Setting::Device => {
            yes(asking.maybe(&DstackApp::allowedDeviceIdsCall { deviceId: value }).await?)
        }
        Setting::AnyDevice => app.allow_any_device,
        Setting::TcbRequirement => !app.require_tcb_up_to_date,
        Setting::AnyOsImage => !app.os_images_pinned,
        Setting::OsImage => {
            yes(asking.maybe(&AppAuth::allowedOsImagesCall { osImageHash: value }).await?)
        }
        Setting::NoticePeriod => U256::from(app.notice_seconds) == U256::from_be_bytes(value.0),
        Setting::Guardian => app.guardian.unwrap_or_default().into_word() == value,
        Setting::Owner => app.owner.unwrap_or_default().into_word() == value,
        Setting::PendingOwner => app.pending_owner.unwrap_or_default().into_word() == value,
        Setting::Freeze => {
            let frozen = U256::from_be_bytes(value.0).saturating_to();
            yes(asking.maybe(&AppAuth::isFrozenCall { kind: frozen }).await?)
        }
        Setting::Source => false,
    };
    let (mut ripe_at, mut frozen) = (None, false);
    if app.has_notice() {
        let kind = setting as u8;
        let ripe: U256 = asking.surely(&AppAuth::ripeAtCall { kind, value }).await?;
        ripe_at = (!ripe.is_zero()).then(|| ripe.saturating_to());
        frozen = asking.surely(&AppAuth::isFrozenCall { kind }).await?;
    }
    Ok(ValueView { in_force, ripe_at, frozen })
}

/// Questions about one contract after one block.
struct Asking<'a> {
    node: &'a Node,
    address: Address,
    block: BlockRef,
}

impl Asking<'_> {
    /// What a contract says that may not have the function.
    async fn maybe<C: SolCall>(&self, question: &C) -> Result<Option<C::Return>, ChainError> {
        self.node.asked(self.address, question, self.block.number).await
    }

    /// What one says that has it.
    async fn surely<C: SolCall>(&self, question: &C) -> Result<C::Return, ChainError> {
        self.node.call(self.address, question, Some(self.block.number)).await
    }
}
