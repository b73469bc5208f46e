//! Which code stands behind an address, found out from a node.

use crate::{ChainError, Look, Node, Refusal, probe::GAS};
use alloy::primitives::{Address, B256, U256, b256};
use alloy::sol_types::SolCall;
use devproof_contracts::{
    Code,
    stock::{DstackApp, LegacyAppAuth, TimelockAppAuth},
};
use futures::future::{OptionFuture, join};

/// Where a proxy keeps the address of its code: ERC-1967, `keccak256("eip1967.proxy.implementation") - 1`.
const IMPLEMENTATION_SLOT: B256 =
    b256!("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");

/// How often it is asked what stands behind an address, until two answers in a row are the same.
const ROUNDS: u32 = 5;

/// What stands behind an address after some block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The kind of code.
    pub code: Code,
    /// Keccak-256 of the runtime code; `None` where there is none.
    pub code_hash: Option<B256>,
    /// The code behind it, if it is an ERC-1967 proxy.
    pub implementation: Option<Address>,
    /// Keccak-256 of that code.
    pub implementation_hash: Option<B256>,
}

impl Node {
    /// Finds out what stands behind an address after a block.
    ///
    /// # Errors
    /// As [`Node::identify_with_look`].
    pub async fn identify(&self, address: Address, block: u64) -> Result<Identity, ChainError> {
        Ok(self.identify_with_look(address, block, None).await?.0)
    }

    /// As [`Node::identify`]. Gives also what was learned of it on the way. `likely` is an implementation that it may be a proxy
    /// of, as those are that came from where it came: if it is, all is asked at once, and if not, the rest behind it.
    ///
    /// That it is nothing known is believed only when it was found twice: one reply that says nothing, as a proxy
    /// gives that lost the real one, looks like that of a contract without such a function.
    ///
    /// # Errors
    /// What the node says. A contract that does not answer is unknown code, not an error.
    pub async fn identify_with_look(
        &self,
        address: Address,
        block: u64,
        likely: Option<Address>,
    ) -> Result<(Identity, Look), ChainError> {
        let (mut found, look) = self.identify_once(address, block, likely).await?;
        if found.code != Code::Unknown {
            return Ok((found, look));
        }
        for _ in 0..ROUNDS {
            let (again, look) = self.turned().identify_once(address, block, None).await?;
            if again.code != Code::Unknown || again == found {
                return Ok((again, look));
            }
            tracing::warn!(%address, block, ?found, ?again, "the node contradicts itself");
            found = again;
        }
        Err(ChainError::Nonsense {
            method: "eth_getCode",
            problem: format!("what stands behind {address} is another thing each time"),
        })
    }

    async fn identify_once(
        &self,
        address: Address,
        block: u64,
        likely: Option<Address>,
    ) -> Result<(Identity, Look), ChainError> {
        let slot = U256::from_be_bytes(IMPLEMENTATION_SLOT.0);
        let seen = likely.map(|behind| self.look(address, Some(behind), block));
        let seen = OptionFuture::from(seen);
        let (word, seen) = join(self.storage(address, slot, block), seen).await;
        let implementation = Some(Address::from_word(word?)).filter(|a| !a.is_zero());
        let look = match seen {
            Some(look) => look?,
            None => self.look(address, implementation, block).await?,
        };
        let found = self.identity(address, implementation, &look).await?;
        Ok((found, look))
    }

    async fn identity(
        &self,
        address: Address,
        implementation: Option<Address>,
        look: &Look,
    ) -> Result<Identity, ChainError> {
        let itself = Identity {
            code: Code::Unknown,
            code_hash: look.code_hash(self, address).await?,
            implementation: None,
            implementation_hash: None,
        };
        let Some(code_hash) = itself.code_hash else { return Ok(itself) };
        if let Some(code) = Code::by_hash(code_hash) {
            return Ok(Identity { code, ..itself });
        }
        let Some(behind) = implementation else {
            let is_timelock = self.is_timelock(look).await?;
            let code = if is_timelock { Code::TimelockAppAuth } else { Code::Unknown };
            return Ok(Identity { code, ..itself });
        };
        let implementation_hash = look.code_hash(self, behind).await?;
        let code = match implementation_hash {
            Some(_) => self.kind_of_proxy(look).await?,
            None => Code::Unknown,
        };
        Ok(Identity { code, implementation, implementation_hash, ..itself })
    }

    /// What a contract says to a question; `None` if it has no such function or answers something else.
    ///
    /// # Errors
    /// What the node says: that is not what the contract says.
    pub async fn asked<C: SolCall>(
        &self,
        address: Address,
        question: &C,
        block: u64,
    ) -> Result<Option<C::Return>, ChainError> {
        let mut node = self.clone();
        for _ in 0..2 {
            match node.call_within(address, question, Some(block), Some(GAS)).await {
                Ok(answer) => return Ok(Some(answer)),
                Err(error) if error.is_revert() => return Ok(None),
                // Either the contract says that, or somebody on the way lost what it said. And words that nobody
                // knows: a contract that one node chokes on must not keep all others from being indexed.
                Err(
                    ChainError::Undecodable { .. }
                    | ChainError::Refused { why: Refusal::Other, .. },
                ) => node = node.turned(),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Which code is behind a proxy, by how it answers.
    async fn kind_of_proxy(&self, look: &Look) -> Result<Code, ChainError> {
        if look.asked(self, &DstackApp::allowAnyDeviceCall {}).await?.is_none() {
            return Ok(Code::Unknown);
        }
        // The generation before is the only one that has to be told its id.
        let app_id = look.asked(self, &LegacyAppAuth::appIdCall {}).await?;
        if app_id.is_some_and(|id| !id.is_zero()) {
            return Ok(Code::LegacyAppAuth);
        }
        let claims = DstackApp::supportsInterfaceCall {
            interfaceId: DstackApp::isAppAllowedCall::SELECTOR.into(),
        };
        let claims = look.asked(self, &claims).await?;
        Ok(if claims == Some(true) { Code::DstackApp } else { Code::Unknown })
    }

    /// Whether a contract answers as the tutorial's does. Its code hash is another one for every compiler.
    async fn is_timelock(&self, look: &Look) -> Result<bool, ChainError> {
        let zero = B256::ZERO;
        let hash = TimelockAppAuth::proposedAtCall { hash: zero };
        if look.asked(self, &hash).await?.is_none() {
            return Ok(false);
        }
        let allowed = DstackApp::allowedComposeHashesCall { composeHash: zero };
        Ok(look.asked(self, &TimelockAppAuth::noticePeriodCall {}).await?.is_some()
            && look.asked(self, &DstackApp::allowAnyDeviceCall {}).await?.is_some()
            && look.asked(self, &allowed).await?.is_some())
    }
}
