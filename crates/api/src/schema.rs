//! How the types of other crates are written in documents, for the OpenAPI document: `build.rs` puts these in their place, by name, so
//! that they have to be in scope wherever a document is declared.

use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type},
    },
};

macro_rules! text {
    ($(#[doc = $doc:literal] $name:ident: $build:expr;)*) => {$(
        #[doc = $doc]
        #[derive(Debug)]
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String).description(Some($doc.trim()));
                let build: fn(ObjectBuilder) -> ObjectBuilder = $build;
                build(text).build().into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).trim_end_matches("Text").into()
            }
        }
    )*};
}

text! {
    /// 32 bytes in lower-case hexadecimal.
    HashText: |text| text.pattern(Some("^0x[0-9a-f]{64}$"));
    /// An address of 20 bytes in hexadecimal.
    AddressText: |text| text.pattern(Some("^0x[0-9a-f]{40}$"));
    /// Bytes in lower-case hexadecimal.
    BytesText: |text| text.pattern(Some("^0x([0-9a-f]{2})*$"));
    /// A time in RFC 3339, UTC.
    TimeText: |text| text.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
}
