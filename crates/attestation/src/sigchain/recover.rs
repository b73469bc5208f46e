//! Keys and signers, as strict as the contract.

use super::{ChainError, Part};
use alloy_primitives::{Address, B256, U256, uint};
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};

/// Half the group order, rounded down: the largest s that counts as low (EIP-2).
const HALF_N: U256 = uint!(0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0_U256);

/// The point of a key that is SEC 1 compressed, and its address.
pub(super) fn point(part: Part, key: &[u8]) -> Result<(VerifyingKey, Address), ChainError> {
    let compressed: &[u8; 33] =
        key.try_into().map_err(|_| ChainError::KeyLength { part, length: key.len() })?;
    let [prefix, x @ ..] = compressed;
    if !matches!(prefix, 2 | 3) {
        return Err(ChainError::KeyPrefix { part, prefix: *prefix });
    }
    let x = U256::from_be_bytes::<32>(*x);
    let key = VerifyingKey::from_sec1_bytes(key);
    let key = key.map_err(|_| ChainError::NotOnCurve { part, x })?;
    Ok((key, address(&key)))
}

/// The last 20 bytes of the Keccak-256 of both coordinates.
fn address(key: &VerifyingKey) -> Address {
    let point = key.to_encoded_point(false);
    Address::from_raw_public_key(point.as_bytes().get(1..).unwrap_or_default())
}

/// Demands that a signature (r || s || recovery id) over a digest was made by `expected`.
pub(super) fn require_signer(
    part: Part,
    expected: Address,
    digest: B256,
    signature: &[u8],
) -> Result<(), ChainError> {
    let recovered = recover(part, digest, signature)?;
    if recovered == expected {
        Ok(())
    } else {
        Err(ChainError::WrongSigner { part, recovered, expected })
    }
}

fn recover(part: Part, digest: B256, signature: &[u8]) -> Result<Address, ChainError> {
    let signature: &[u8; 65] = signature
        .try_into()
        .map_err(|_| ChainError::SignatureLength { part, length: signature.len() })?;
    let [rs @ .., v] = signature;
    if *v > 1 {
        return Err(ChainError::RecoveryId { part, v: *v });
    }
    let s = U256::from_be_slice(rs.get(32..).unwrap_or_default());
    if s > HALF_N {
        return Err(ChainError::HighS { part, s });
    }
    let unrecoverable = |_| ChainError::Unrecoverable { part };
    let signature = Signature::from_slice(rs).map_err(unrecoverable)?;
    let key = VerifyingKey::recover_from_prehash(
        digest.as_slice(),
        &signature,
        RecoveryId::new(*v == 1, false),
    );
    key.map(|key| address(&key)).map_err(unrecoverable)
}
