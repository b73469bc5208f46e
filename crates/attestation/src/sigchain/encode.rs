//! Calldata for `SimpleDstackVerifier`.

use super::SignatureChain;
use alloy_primitives::{Bytes, FixedBytes};
use alloy_sol_types::SolCall;
use devproof_contracts::bindings::verifier::{
    ISimpleDstackVerifier::Chain, SimpleDstackVerifier::verifyCall,
};

impl SignatureChain {
    /// Calldata of `verify(Chain)`, which answers with the derived key's address or reverts with what is wrong. The
    /// contract refuses ed25519 keys for their length: no precompile checks what they sign.
    #[must_use]
    pub fn calldata(&self) -> Bytes {
        let chain = Chain {
            appId: FixedBytes(self.app_id.0.0),
            purpose: self.purpose.clone(),
            appKey: self.app_key.clone(),
            derivedKey: self.derived_key.clone(),
            appSignature: self.app_signature.clone(),
            kmsSignature: self.kms_signature.clone(),
        };
        verifyCall { chain }.abi_encode().into()
    }
}
