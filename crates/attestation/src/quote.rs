//! Quotes as Intel's quoting enclave writes them (Intel TDX DCAP Quoting Library API, appendix A.3, versions 4 and 5).

use crate::{digest::sha256, limits};
use alloy_primitives::{B256, FixedBytes};
use dcap_qvl::quote::{Quote, Report, TDReport10, TDReport15};

/// A measurement register: SHA-384.
pub type Register = FixedBytes<48>;

/// Bytes of the header, before the body.
const HEADER: usize = 48;
/// Bytes of the body of a TDX 1.0 report.
const BODY_10: usize = 584;
/// Bytes of type and size, which version 5 puts before the body.
const BODY_DESCRIPTION: usize = 6;
/// The `tee_type` of TDX.
const TDX: u32 = 0x81;

/// Why bytes are not a TDX quote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// Too short for the part that says anything.
    #[error("the quote has {length} bytes, fewer than a header and a report have")]
    Truncated {
        /// Bytes found.
        length: usize,
    },
    /// More than [`limits::QUOTE`] bytes.
    #[error("the quote has {length} bytes, more than the {} that are looked at", limits::QUOTE)]
    TooLong {
        /// Bytes found.
        length: usize,
    },
    /// A quote of something else: an SGX enclave, for instance.
    #[error("the quote is not of a TDX machine (version {version}, TEE type {tee_type:#x})")]
    NotTdx {
        /// Format version.
        version: u16,
        /// What the header says it is a quote of.
        tee_type: u32,
    },
    /// The fields do not fit together.
    #[error("the quote cannot be read: {0}")]
    Malformed(String),
}

/// A TDX quote that could be read. Nothing in it is believed yet.
#[derive(Clone)]
pub struct TdxQuote {
    bytes: Vec<u8>,
    signed: usize,
    version: u16,
    report: TDReport10,
    service: Option<TDReport15>,
    fmspc: Option<[u8; 6]>,
    ca: Option<&'static str>,
}

impl std::fmt::Debug for TdxQuote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TdxQuote")
            .field("version", &self.version)
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

impl TdxQuote {
    /// Reads a quote of version 4 or 5.
    ///
    /// # Errors
    /// If the bytes are not a TDX quote, or more than [`limits::QUOTE`].
    pub fn parse(bytes: Vec<u8>) -> Result<Self, QuoteError> {
        let length = bytes.len();
        if length > limits::QUOTE {
            return Err(QuoteError::TooLong { length });
        }
        let truncated = || QuoteError::Truncated { length };
        let version = bytes.first_chunk().map(|b| u16::from_le_bytes(*b)).ok_or_else(truncated)?;
        let tee_type = bytes.get(4..8).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
        let tee_type = tee_type.ok_or_else(truncated)?;
        if !matches!(version, 4 | 5) || tee_type != TDX {
            return Err(QuoteError::NotTdx { version, tee_type });
        }
        if length < HEADER + BODY_10 {
            return Err(truncated());
        }
        let quote = Quote::parse(&bytes).map_err(|e| QuoteError::Malformed(format!("{e:#}")))?;
        let body = match &quote.report {
            Report::SgxEnclave(_) => return Err(QuoteError::NotTdx { version, tee_type }),
            Report::TD10(_) => BODY_10,
            // 64 bytes more than a report of TDX 1.0.
            Report::TD15(_) => BODY_10 + 64,
            // The length that version 5 gives was compared with the type of the body when it was read.
            Report::TD15Ex(_) => {
                let size = bytes.get(HEADER + 2..HEADER + BODY_DESCRIPTION);
                let size = size.and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
                size.and_then(|size| usize::try_from(size).ok()).ok_or_else(truncated)?
            }
        };
        let signed = HEADER + body + if version == 5 { BODY_DESCRIPTION } else { 0 };
        let report = *quote.report.as_td10().ok_or_else(truncated)?;
        let service = quote.report.as_td15().copied();
        let fmspc = dcap_qvl::intel::quote_fmspc(&quote).ok();
        let ca = dcap_qvl::intel::quote_ca(&quote).ok().map(|ca| ca.as_id_str());
        Ok(Self { bytes, signed, version, report, service, fmspc, ca })
    }

    /// All bytes, with whatever hangs behind.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the part that is signed. A quote is malleable behind that part: the same statement can be written
    /// in many ways, so the hash of all bytes identifies nothing.
    #[must_use]
    pub fn id(&self) -> B256 {
        sha256(self.bytes.get(..self.signed).unwrap_or_default())
    }

    /// Format version, 4 or 5.
    #[must_use]
    pub const fn version(&self) -> u16 {
        self.version
    }

    /// The FMSPC of the platform, by which collateral is found. From the certificate in the quote, which is not
    /// believed yet. `None` if the quote carries none that can be read.
    #[must_use]
    pub const fn fmspc(&self) -> Option<[u8; 6]> {
        self.fmspc
    }

    /// Which of Intel's CAs for platforms issued the certificate in the quote, `processor` or `platform`: the other half of
    /// what collateral is found by. Likewise not believed yet.
    #[must_use]
    pub const fn ca(&self) -> Option<&'static str> {
        self.ca
    }

    /// The measurement of the machine's firmware.
    #[must_use]
    pub fn mrtd(&self) -> Register {
        self.report.mr_td.into()
    }

    /// A runtime measurement register, 0 to 3. `None` for any other number.
    #[must_use]
    pub fn rtmr(&self, index: usize) -> Option<Register> {
        let r = &self.report;
        [r.rt_mr0, r.rt_mr1, r.rt_mr2, r.rt_mr3].get(index).map(|register| (*register).into())
    }

    /// The 64 bytes that the machine put in.
    #[must_use]
    pub fn report_data(&self) -> FixedBytes<64> {
        self.report.report_data.into()
    }

    /// The 48 bytes of configuration that the host put in.
    #[must_use]
    pub const fn mr_config_id(&self) -> &[u8; 48] {
        &self.report.mr_config_id
    }

    /// What the host says the owner is.
    #[must_use]
    pub const fn mr_owner(&self) -> &[u8; 48] {
        &self.report.mr_owner
    }

    /// What the host says the owner configured.
    #[must_use]
    pub const fn mr_owner_config(&self) -> &[u8; 48] {
        &self.report.mr_owner_config
    }

    /// The attributes of the machine, little-endian.
    #[must_use]
    pub const fn td_attributes(&self) -> u64 {
        u64::from_le_bytes(self.report.td_attributes)
    }

    /// Measurement of the signer of the TDX module: zero for Intel's own.
    #[must_use]
    pub const fn mr_signer_seam(&self) -> &[u8; 48] {
        &self.report.mr_signer_seam
    }

    /// Measurement of the service TDs bound to the machine; only TDX 1.5 and later say it.
    #[must_use]
    pub fn mr_service_td(&self) -> Option<&[u8; 48]> {
        self.service.as_ref().map(|report| &report.mr_service_td)
    }
}
