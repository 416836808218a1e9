//! Asks from the browser: the one place that touches `fetch`.

/// What a browser asks.
#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(dead_code, reason = "only a browser reads it")
)]
pub(super) struct Sending {
    pub(super) method: &'static str,
    pub(super) path: String,
    /// Media type and text.
    pub(super) body: Option<(&'static str, String)>,
}

impl Sending {
    pub(super) fn get(path: String) -> Self {
        Self {
            method: "GET",
            path,
            body: None,
        }
    }
}

/// Goes to the page of the login, which leads back here: the session of this browser has ended.
pub(crate) fn leave_for_login() {
    let Some(location) = web_sys::window().map(|window| window.location()) else {
        return;
    };
    let path = location.pathname().unwrap_or_default();
    if matches!(path.as_str(), "/login" | "/join") {
        return;
    }
    let here = format!("{path}{}", location.search().unwrap_or_default());
    // A browser refuses only what is no address.
    let _ = location.assign(&format!("/login?next={}", super::escape(&here)));
}

/// Asks with `fetch`; with a name that was typed to confirm it.
#[cfg(target_arch = "wasm32")]
pub(super) async fn from_browser(
    sending: &Sending,
    confirmed: Option<&str>,
) -> Result<(u16, String), String> {
    send_wrapper::SendWrapper::new(fetch(sending, confirmed)).await
}

/// Routes are listed, and tests run, without a transport.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn from_browser(
    _: &Sending,
    _: Option<&str>,
) -> impl Future<Output = Result<(u16, String), String>> {
    std::future::ready(Err("the page has no transport".to_owned()))
}

#[cfg(target_arch = "wasm32")]
async fn fetch(sending: &Sending, confirmed: Option<&str>) -> Result<(u16, String), String> {
    use wasm_bindgen::JsCast as _;
    use wasm_bindgen_futures::JsFuture;
    let say = |error: wasm_bindgen::JsValue| {
        error.dyn_ref::<js_sys::Error>().map_or_else(
            || format!("{error:?}"),
            |error| String::from(error.message()),
        )
    };
    let window = web_sys::window().ok_or("there is no window")?;
    let init = web_sys::RequestInit::new();
    init.set_method(sending.method);
    let headers = web_sys::Headers::new().map_err(say)?;
    if let Some((media_type, body)) = &sending.body {
        headers.set("Content-Type", media_type).map_err(say)?;
        init.set_body(&wasm_bindgen::JsValue::from_str(body));
    }
    if let Some(name) = confirmed {
        let name = super::escape(name);
        headers
            .set(highwater_model::CONFIRM_HEADER, &name)
            .map_err(say)?;
    }
    init.set_headers(&headers);
    let response: web_sys::Response =
        JsFuture::from(window.fetch_with_str_and_init(&sending.path, &init))
            .await
            .map_err(say)?
            .unchecked_into();
    let status = response.status();
    let body = JsFuture::from(response.text().map_err(say)?)
        .await
        .map_err(say)?;
    let body = body.as_string().unwrap_or_default();
    if status == 401
        && serde_json::from_str::<highwater_model::Problem>(&body)
            .is_ok_and(|problem| problem.kind.ends_with("login_needed"))
    {
        leave_for_login();
    }
    Ok((status, body))
}
