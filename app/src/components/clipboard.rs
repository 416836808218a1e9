//! The visitor's clipboard.

use wasm_bindgen_futures::JsFuture;

/// Puts the text there; false where the browser has no clipboard for this page (plain HTTP on another host) or refuses.
pub async fn write(text: &str) -> bool {
    let Some(window) = web_sys::window().filter(web_sys::Window::is_secure_context) else {
        return false;
    };
    JsFuture::from(window.navigator().clipboard().write_text(text))
        .await
        .is_ok()
}
