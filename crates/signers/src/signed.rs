//! A signature is looked at before it is used.

use crate::SignerError;
use alloy::{
    consensus::SignableTransaction,
    network::TxSigner,
    primitives::{Address, Signature},
    signers,
};
use async_trait::async_trait;
use devproof_operator::keys::Key;
use std::time::Duration;

/// Whoever signs elsewhere.
pub(crate) struct Elsewhere<S> {
    pub(crate) signer: S,
    /// Its name in a sentence.
    pub(crate) name: &'static str,
    /// How long it may take.
    pub(crate) patience: Duration,
    /// What its errors mean.
    pub(crate) explain: fn(signers::Error) -> SignerError,
}

impl<S: TxSigner<Signature> + Send + Sync + 'static> Elsewhere<S> {
    /// As a key like any other.
    pub(crate) fn key(self) -> Key {
        Key::from_signer(self)
    }
}

#[async_trait]
impl<S: TxSigner<Signature> + Send + Sync> TxSigner<Signature> for Elsewhere<S> {
    fn address(&self) -> Address {
        self.signer.address()
    }

    async fn sign_transaction(
        &self,
        transaction: &mut dyn SignableTransaction<Signature>,
    ) -> signers::Result<Signature> {
        let (by, account) = (self.name, self.address());
        let signing =
            tokio::time::timeout(self.patience, self.signer.sign_transaction(transaction));
        let signature = match signing.await {
            Ok(signed) => signed.map_err(|error| signers::Error::other((self.explain)(error)))?,
            Err(_) => {
                let patience = self.patience.as_secs();
                return Err(signers::Error::other(SignerError::Unreachable(format!(
                    "{by} did not sign within {patience} s, and nothing was sent: run it again"
                ))));
            }
        };
        let signer = signature.recover_address_from_prehash(&transaction.signature_hash());
        match signer {
            Ok(signer) if signer == account => Ok(signature),
            _ => Err(signers::Error::other(SignerError::OtherSignature { by, account })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::{consensus::TxEip1559, signers::local::PrivateKeySigner};

    /// Signs with a key, and says that it has the account of another.
    struct Lying(PrivateKeySigner, Address);

    #[async_trait]
    impl TxSigner<Signature> for Lying {
        fn address(&self) -> Address {
            self.1
        }

        async fn sign_transaction(
            &self,
            transaction: &mut dyn SignableTransaction<Signature>,
        ) -> signers::Result<Signature> {
            self.0.sign_transaction(transaction).await
        }
    }

    #[tokio::test]
    async fn a_signature_of_another_account_is_no_signature() {
        let key = PrivateKeySigner::random();
        let own = TxSigner::address(&key);
        for (account, holds) in [(own, true), (Address::repeat_byte(1), false)] {
            let signer = Elsewhere {
                signer: Lying(key.clone(), account),
                name: "it",
                patience: Duration::from_secs(60),
                explain: |error| SignerError::Refused(error.to_string()),
            };
            let signed = signer.sign_transaction(&mut TxEip1559::default()).await;
            assert_eq!(signed.is_ok(), holds, "{signed:?}");
            let said = signed.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(holds || said.contains("is not the signature of"), "{said}");
        }
    }
}
