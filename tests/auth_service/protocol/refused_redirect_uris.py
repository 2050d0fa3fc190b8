"""Redirect URIs that no client may have."""

from __future__ import annotations

from auth_service.protocol.redirect_uris import (
    MAX_LENGTH,
)

STARTS_SOMETHING = (
    "ms-officecmd ms-word ms-excel ms-powerpoint ms-msdt ms-appinstaller ms-settings MS-Search"
    " ms-cxh ms-gamingoverlay microsoft-edge shell search search-ms onenote ldap hcp windowsdefender"
    " ie.http telnet tn3270 ssh sftp vnc rdp smb itms-services itms-apps macappstores"
    " x-apple.systempreferences x-apple-helpbasic applescript shortcuts x-man-page help x-help-action"
    " facetime afp nfs apt snap flatpak+https appstream ghelp admin trash jnlp steam intent"
    " android-app content market skype webcal magnet otpauth bitcoin chrome-extension moz-extension"
    " safari-web-extension devtools edge livescript mhtml feed res mk ms-its web+mcp ext+mcp c D"
)


NEVER = [
    "",
    "/callback",
    "callback",
    "//client.example/cb",
    "client.example/cb",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "javascript://client.example/%0aalert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "DATA:text/html;base64,PHNjcmlwdD4=",
    "file:///etc/passwd",
    "vbscript:msgbox(1)",
    "about:blank",
    "blob:https://client.example/1",
    "filesystem:https://client.example/temporary/x",
    "view-source:https://client.example/",
    "mailto:someone@client.example",
    "tel:123",
    "sms:123",
    "ftp://client.example/cb",
    "ws://client.example/cb",
    "wss://client.example/cb",
    "intent://client.example/cb",
    "jar:https://client.example/x.jar!/",
    "ms-msdt:/id",
    "search-ms:query=x",
    *(f"{scheme}:x" for scheme in STARTS_SOMETHING.split()),
    "http://client.example/cb",
    "HTTP://client.example/cb",
    "http://localhost.evil.example/cb",
    "http://evil.example/localhost",
    "http://127.0.0.1.evil.example/cb",
    "http://127.0.0.2/cb",
    "http://0.0.0.0/cb",
    "http://2130706433/cb",
    "http://0x7f000001/cb",
    "http://0177.0.0.1/cb",
    "http://127.1/cb",
    "http://[::ffff:127.0.0.1]/cb",
    "http://localhost./cb",
    "http://localhost@evil.example/cb",
    "http://localhost:80@evil.example/cb",
    "http://evil.example\\@localhost/cb",
    "http://evil.example#@localhost/cb",
    "http://user:password@localhost/cb",
    "https://user@client.example/cb",
    "https://client.example@evil.example/cb",
    "https://client.example%2f@evil.example/cb",
    "https://client.example\\.evil.example/cb",
    "https://client.example\\@evil.example/",
    "https://*.client.example/cb",
    "https:///cb",
    "https://",
    "https:/client.example/cb",
    "https:client.example/cb",
    "https:\\\\client.example\\cb",
    "https://:443/cb",
    "https://client.example:port/cb",
    "https://client.example:99999/cb",
    "https://[client.example/cb",
    "https://client.example/cb#",
    "https://client.example/cb#fragment",
    "com.example.app:/cb#fragment",
    "https://client.example/a/../cb",
    "https://client.example/a/./cb",
    "https://client.example/..",
    "https://client.example/c b",
    "https://client.example/c\tb",
    "https://client.example/c\r\nSet-Cookie:x=1",
    "https://client.example/\x00",
    "https://client.example/\x7f",
    "https://clïent.example/cb",
    "https://client.example/ü",
    "https://client.example／evil.example/cb",
    "https://client.example。evil.example/cb",
    "https://client.example/" + "a" * MAX_LENGTH,
]
