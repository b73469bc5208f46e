//! Which code stands behind an address, found out from a node.

use crate::{ChainError, Node};
use alloy::primitives::{Address, B256, U256, b256, keccak256};
use alloy::sol_types::SolCall;
use devproof_contracts::{Code, stock::DstackApp};

/// Where a proxy keeps the address of its code: ERC-1967, `keccak256("eip1967.proxy.implementation") - 1`.
const IMPLEMENTATION_SLOT: B256 =
    b256!("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");

/// What stands behind an address after some block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The kind of code.
    pub code: Code,
    /// Keccak-256 of the runtime code; `None` where there is none.
    pub code_hash: Option<B256>,
    /// The code behind it, if it is an ERC-1967 proxy.
    pub implementation: Option<Address>,
}

impl Node {
    /// Finds out what stands behind an address after a block.
    ///
    /// # Errors
    /// What the node says. A contract that does not answer is unknown code, not an error.
    pub async fn identify(&self, address: Address, block: u64) -> Result<Identity, ChainError> {
        let code = self.code(address, block).await?;
        if code.is_empty() {
            return Ok(Identity { code: Code::Unknown, code_hash: None, implementation: None });
        }
        let code_hash = keccak256(&code);
        if let Some(code) = Code::by_hash(code_hash) {
            return Ok(Identity { code, code_hash: Some(code_hash), implementation: None });
        }
        let slot = U256::from_be_bytes(IMPLEMENTATION_SLOT.0);
        let word = self.storage(address, slot, block).await?;
        let implementation = Some(Address::from_word(word)).filter(|a| !a.is_zero());
        let code = if implementation.is_some() && self.is_stock(address, block).await? {
            Code::DstackApp
        } else {
            Code::Unknown
        };
        Ok(Identity { code, code_hash: Some(code_hash), implementation })
    }

    /// Whether a contract claims the stock interface and answers its views.
    async fn is_stock(&self, address: Address, block: u64) -> Result<bool, ChainError> {
        let claims = DstackApp::supportsInterfaceCall {
            interfaceId: DstackApp::isAppAllowedCall::SELECTOR.into(),
        };
        for answer in [
            self.call(address, &claims, Some(block)).await,
            self.call(address, &DstackApp::allowAnyDeviceCall {}, Some(block)).await.map(|_| true),
        ] {
            match answer {
                Ok(true) => {}
                // A node that cannot tell now has not said no.
                Err(error) if error.is_passing() => return Err(error),
                Ok(false)
                | Err(
                    ChainError::Reverted { .. }
                    | ChainError::Refused { .. }
                    | ChainError::Nonsense { .. },
                ) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
