#![no_main]
use std::sync::OnceLock;

use roundtable_kernel::store::StoreOptions;
use roundtable_kernel::{store::Store, token::Keys};

/// Keys of a database of its own.
fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("keys.db").display());
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let store = Store::connect(&StoreOptions { url, read_url: String::new(), connections: 1, workers: 1 }).await.expect("a database");
            roundtable_server::migrate(&store).await.expect("its tables");
            Keys::load(&store, "https://example.org").await.expect("keys")
        })
    })
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::token(keys(), data));
