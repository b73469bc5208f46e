//! Which code stands behind an address, found out from a node.

use crate::{ChainError, Node, Refusal};
use alloy::primitives::{Address, B256, U256, b256, keccak256};
use alloy::sol_types::SolCall;
use devproof_contracts::{
    Code,
    stock::{DstackApp, LegacyAppAuth, TimelockAppAuth},
};

/// Where a proxy keeps the address of its code: ERC-1967, `keccak256("eip1967.proxy.implementation") - 1`.
const IMPLEMENTATION_SLOT: B256 =
    b256!("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");

/// Gas for a question to a contract that anybody may have put there. The views of stock contracts take a
/// tenth of it, and no answer of a megabyte fits in.
const GAS: u64 = 500_000;

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
    /// That it is nothing known is believed only when it was found twice: one reply that says nothing, as a proxy
    /// gives that lost the real one, looks like that of a contract without such a function.
    ///
    /// # Errors
    /// What the node says. A contract that does not answer is unknown code, not an error.
    pub async fn identify(&self, address: Address, block: u64) -> Result<Identity, ChainError> {
        let mut found = self.identify_once(address, block).await?;
        for _ in 0..ROUNDS {
            if found.code != Code::Unknown {
                return Ok(found);
            }
            let again = self.turned().identify_once(address, block).await?;
            if again == found {
                return Ok(found);
            }
            tracing::warn!(%address, block, ?found, ?again, "the node contradicts itself");
            found = again;
        }
        Err(ChainError::Nonsense {
            method: "eth_getCode",
            problem: format!("what stands behind {address} is another thing each time"),
        })
    }

    async fn identify_once(&self, address: Address, block: u64) -> Result<Identity, ChainError> {
        let nothing = Identity {
            code: Code::Unknown,
            code_hash: None,
            implementation: None,
            implementation_hash: None,
        };
        let code = self.code(address, block).await?;
        if code.is_empty() {
            return Ok(nothing);
        }
        let code_hash = keccak256(&code);
        let itself = Identity { code_hash: Some(code_hash), ..nothing };
        if let Some(code) = Code::by_hash(code_hash) {
            return Ok(Identity { code, ..itself });
        }
        let slot = U256::from_be_bytes(IMPLEMENTATION_SLOT.0);
        let word = self.storage(address, slot, block).await?;
        let implementation = Some(Address::from_word(word)).filter(|a| !a.is_zero());
        let Some(behind) = implementation else {
            let is_timelock = self.is_timelock(address, block).await?;
            let code = if is_timelock { Code::TimelockAppAuth } else { Code::Unknown };
            return Ok(Identity { code, ..itself });
        };
        let behind = self.code(behind, block).await?;
        let implementation_hash = (!behind.is_empty()).then(|| keccak256(&behind));
        let code = match implementation_hash {
            Some(_) => self.kind_of_proxy(address, block).await?,
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

    /// Whether code of this kind is behind a proxy, by how it answers.
    async fn kind_of_proxy(&self, address: Address, block: u64) -> Result<Code, ChainError> {
        if self.asked(address, &DstackApp::allowAnyDeviceCall {}, block).await?.is_none() {
            return Ok(Code::Unknown);
        }
        // The generation before is the only one that has to be told its id.
        let app_id = self.asked(address, &LegacyAppAuth::appIdCall {}, block).await?;
        if app_id.is_some_and(|id| !id.is_zero()) {
            return Ok(Code::LegacyAppAuth);
        }
        let claims = DstackApp::supportsInterfaceCall {
            interfaceId: DstackApp::isAppAllowedCall::SELECTOR.into(),
        };
        let claims = self.asked(address, &claims, block).await?;
        Ok(if claims == Some(true) { Code::DstackApp } else { Code::Unknown })
    }

    /// Whether a contract answers as the tutorial's does. Its code hash is another one for every compiler.
    async fn is_timelock(&self, address: Address, block: u64) -> Result<bool, ChainError> {
        let zero = B256::ZERO;
        let hash = TimelockAppAuth::proposedAtCall { hash: zero };
        if self.asked(address, &hash, block).await?.is_none() {
            return Ok(false);
        }
        let allowed = DstackApp::allowedComposeHashesCall { composeHash: zero };
        Ok(self.asked(address, &TimelockAppAuth::noticePeriodCall {}, block).await?.is_some()
            && self.asked(address, &DstackApp::allowAnyDeviceCall {}, block).await?.is_some()
            && self.asked(address, &allowed, block).await?.is_some())
    }
}
