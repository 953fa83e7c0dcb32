"""Services that are called at an address which is itself a secret: whoever knows it may send anything there.

There is no other way to use them, so the secret cannot be taken out ("capability URLs", W3C TAG, 2014). The forms are
those of the services' own documentation.
"""

from __future__ import annotations

from dataclasses import dataclass

_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_REST = r"([^/?#\s][^?#\s]*)"
_STEP = r"[^/?#\s]{1,200}"  # a bounded one, so that a search that fails stays linear
_BYPASS = "x-vercel-protection-bypass"
_FUNCTION_KEY = r"[\w+/%-]{20}"
_ZOHO_FLOWS = "flow.zoho.com flow.zoho.eu flow.zoho.in flow.zoho.com.au flow.zoho.jp flow.zohocloud.ca flow.zoho.sa"
_ZOHO_APIS = "zohoapis.com zohoapis.eu zohoapis.in zohoapis.com.au zohoapis.jp zohoapis.ca zohoapis.sa zohoapis.com.cn"


@dataclass(frozen=True, slots=True)
class Service:
    """A service, and where the secret is in its addresses.

    Regular expressions are matched without regard to case.

    :param name: for people.
    :param domains: its hosts are these and all below them; empty: any host, which has it installed.
    :param host: form of the whole host, in lower case; its group, if any, is the secret. Empty: any host below the
        domains.
    :param path: what follows the host. Its group, if any, is the secret. For any host: a part of the URL.
    :param parameters: names of the parameters that are secret, in lower case.
    :param value: how the value of such a parameter starts.
    """

    name: str
    domains: str = ""
    host: str = ""
    path: str = ""
    parameters: str = ""
    value: str = r"[^&#\s]"


SERVICES = (
    # Chats
    Service("Slack", "hooks.slack.com hooks.slack-gov.com", path=rf"/(?:services|workflows|triggers)/{_REST}"),
    Service("Discord", "discord.com discordapp.com", path=rf"/api/(?:v\d+/)?webhooks/\d+/{_REST}"),
    Service("Microsoft Teams", "webhook.office.com", path=rf"/webhookb2/{_REST}"),
    Service("Microsoft Teams", "outlook.office.com outlook.office365.com", path=rf"/webhook/{_REST}"),
    Service("Google Chat", "chat.googleapis.com", path=rf"/v1/spaces/{_STEP}/messages", parameters="key token"),
    Service("Telegram", "api.telegram.org", path=r"/(bot\d+(?::|%3A)[^/?#\s]+)"),
    Service("Webex", "webexapis.com api.ciscospark.com", path=rf"/v1/webhooks/incoming/{_REST}"),
    Service("Amazon Chime", "hooks.chime.aws", path=rf"/incomingwebhooks/{_REST}", parameters="token"),
    Service("Lark", "open.feishu.cn open.larksuite.com", path=rf"/open-apis/bot/(?:v2/)?hook/{_REST}"),
    Service("Lark", "www.feishu.cn www.larksuite.com", path=rf"/flow/api/trigger-webhook/{_REST}"),
    Service("DingTalk", "oapi.dingtalk.com", path=r"/robot/send", parameters="access_token"),
    Service("WeCom", "qyapi.weixin.qq.com", path=r"/cgi-bin/webhook/send", parameters="key"),
    Service("Zoho Cliq", "cliq.zoho.com cliq.zoho.eu cliq.zoho.in", path=r"/api/v\d/", parameters="zapikey"),
    Service("Zulip", path=r"/api/v1/external/\w+", parameters="api_key"),
    Service("Mattermost", path=r"/hooks/([a-z0-9]{26})(?![\w-])"),
    Service("Rocket.Chat", path=r"/hooks/([0-9A-Za-z]{17,24}/[0-9A-Za-z]{40,64})(?![\w-])"),
    Service("ntfy", "ntfy.sh", path=r"/([\w-]{10,64})(?![\w/-])"),
    Service("Bark", "api.day.app", path=rf"/{_REST}"),
    # Automation
    Service("Zapier", "hooks.zapier.com", path=rf"/hooks/\w+/\d+/{_REST}"),
    Service("Make", "make.com integromat.com", r"(?:.*\.)?hook\.(?:[\w-]+\.)?(?:make|integromat)\.com", rf"/{_REST}"),
    Service("Make", "make.celonis.com", r"(?:.*\.)?hook\.(?:[\w-]+\.)?make\.celonis\.com", rf"/{_REST}"),
    Service("IFTTT", "maker.ifttt.com", path=rf"/trigger/{_STEP}/(?:json/)?with/key/{_REST}"),
    Service("Pipedream", "m.pipedream.net", r"(?:.*\.)?(e[no][a-z0-9]{10,13}|[0-9a-f]{32})\.m\.pipedream\.net"),
    Service("n8n", path=rf"/(?:webhook|form|mcp)(?:-test)?/({_UUID}[^?#\s]*)"),  # a test address has the same secret
    # The version of a shared access signature stands beside it: sv=1.0 for a flow, sv=2022-11-02 for storage.
    Service("an Azure flow", path=r"/triggers/[^/?#\s]{1,200}/(?:paths/)?(?:invoke|run)", parameters="sig"),
    Service("an Azure shared access signature", path=r"[?&]sv=\d[\d.-]{2,10}(?![^&#])", parameters="sig"),
    Service("an Azure shared access signature", path=r"[?&]skn=[^&#]", parameters="sig"),  # Service Bus, Event Hubs
    Service("Azure Functions", "azurewebsites.net", path=r"/", parameters="code", value=_FUNCTION_KEY),
    Service("Azure Functions", path=r"/api/", parameters="code", value=r"[\w+/%-]{40,80}(?:==|%3D%3D)"),
    Service("Azure Automation", "azure-automation.net", path=r"/webhooks", parameters="token"),
    Service(
        "Google Apps Script",
        "script.google.com",
        path=rf"/(?:a/(?:{_STEP}/)?)?macros/(?:{_STEP}/){{0,2}}s/({_STEP})/exec",
    ),
    Service("Airtable", "hooks.airtable.com", path=rf"/workflows/v\d+/genericWebhook/{_REST}"),
    Service("Activepieces", path=r"/api/v1/webhooks/([0-9A-Za-z]{21})(?![\w-])"),
    Service("Albato", "h.albato.com", path=rf"/wh/{_REST}"),
    Service("Integrately", "webhooks.integrately.com", path=rf"/a/webhooks/{_REST}"),
    Service("Budibase", path=r"/api/webhooks/trigger/app_\w{1,80}/(wh_[0-9a-f]{32})(?![\w-])"),
    Service("Glide", "go.glideapps.com", path=rf"/api/container/plugin/webhook-trigger/{_STEP}/{_REST}"),
    Service("Latenode", "webhook.latenode.com", path=rf"/\d+/prod/{_REST}"),
    Service("Pabbly", "connect.pabbly.com", path=rf"/(?:workflow/sendwebhookdata|webhook-listener/webhook)/{_REST}"),
    Service("Relay.app", "hook.relay.app", path=rf"/api/v1/playbook/{_STEP}/trigger/{_REST}"),
    Service("Retool", "retool.com", path=rf"/(?:api/|v1/)+workflows/{_STEP}/startTrigger", parameters="workflowapikey"),
    Service("Tray.ai", "trayapp.io", rf"({_UUID})\.(?:[\w-]+\.)?trayapp\.io"),
    Service("Tines", "tines.com tines.io", path=rf"/webhook/{_STEP}/{_REST}"),
    Service("Torq", "hooks.torq.io", path=rf"/v1/webhooks/{_REST}"),
    Service("Workato", "workato.com", path=rf"/webhooks/rest/({_UUID}[^?#\s]*)"),
    Service("Zoho Flow", _ZOHO_FLOWS, path=r"/\d+/flow/webhook/", parameters="zapikey"),
    Service(
        "a Zoho function", _ZOHO_APIS, path=rf"/\w+/v[\d.]+/functions/{_STEP}/actions/execute", parameters="zapikey"
    ),
    Service("Celigo", "integrator.io", path=rf"/v1/exports/{_STEP}/{_REST}"),
    Service("Prismatic", "hooks.prismatic.io", path=rf"/trigger/{_REST}"),
    Service("Windmill", path=rf"/api/w/{_STEP}/jobs/run", parameters="token"),
    Service("Kestra", path=rf"/executions/webhook/{_STEP}/{_STEP}/{_REST}"),
    Service("Prefect", "api.prefect.cloud", path=rf"/hooks/{_REST}"),
    Service("Directus", path=rf"/flows/trigger/({_UUID})"),
    Service("Odoo", path=rf"/web/hook/({_UUID})"),
    Service("Huginn", path=rf"/users/\d+/web_requests/\d+/{_REST}"),
    Service("Home Assistant", "hooks.nabu.casa", path=rf"/{_REST}"),
    Service("Home Assistant", path=r"/api/webhook/([0-9a-f]{32,64})(?![\w-])"),
    # Sales and support
    Service("HubSpot", "hubapi.com", path=rf"/automation/v4/webhook-triggers/\d+/{_REST}"),
    Service("HighLevel", "services.leadconnectorhq.com", path=rf"/hooks/{_STEP}/webhook-trigger/{_REST}"),
    Service("Jira Automation", "automation.atlassian.com", path=rf"/pro/hooks/{_REST}"),
    Service(
        "Jira Automation",
        "api-private.atlassian.com",
        path=rf"/automation/webhooks/{_STEP}/a/{_REST}",
        parameters="token",
    ),
    Service("Bitrix24", "bitrix24.com bitrix24.eu bitrix24.de bitrix24.ru", path=rf"/rest/\d+/{_REST}"),
    Service("Customer.io", "api.customer.io", path=rf"/v1/webhook/{_REST}"),
    Service("FluentCRM", path=r"[?&]fluentcrm=1&route=contact&", parameters="hash"),
    Service("Segment", "fn.segmentapis.com", path=r"/", parameters="b"),
    Service("RudderStack", "rudderstack.com rudderlabs.com", path=r"/v1/webhook", parameters="writekey"),
    # Building and operating
    Service("Jenkins", path=r"/generic-webhook-trigger/invoke", parameters="token"),
    Service("Buildkite", "webhook.buildkite.com", path=rf"/deliver/{_REST}"),
    Service("CircleCI", "internal.circleci.com", path=r"/private/soc/e/", parameters="secret"),
    Service("Netlify", "api.netlify.com", path=rf"/build_hooks/{_REST}"),
    Service("Vercel", "api.vercel.com", path=rf"/v1/integrations/deploy/{_REST}"),
    Service("a protected Vercel deployment", path=rf"[?&]{_BYPASS}=", parameters=_BYPASS),
    Service("Render", "api.render.com", path=rf"/deploy/{_STEP}", parameters="key"),
    Service("Cloudflare Pages", "api.cloudflare.com", path=rf"/client/v4/pages/webhooks/deploy_hooks/{_REST}"),
    Service("Hookdeck", "hkdk.events", path=rf"/{_REST}"),
    Service("Hookdeck", "events.hookdeck.com", path=rf"/e/{_REST}"),
    Service("Svix", "svix.com", path=rf"/ingest/api/v1/source/{_STEP}/in/{_REST}"),
    Service("Inngest", "inn.gs", path=rf"/e/{_REST}"),
    Service("Squadcast", "api.squadcast.com", path=rf"/v2/incidents/api/{_REST}"),
    Service("PagerDuty", "events.pagerduty.com events.eu.pagerduty.com", path=rf"/integration/{_REST}"),
    Service("Splunk On-Call", "alert.victorops.com", path=rf"/integrations/{_STEP}/\d+/alert/{_REST}"),
    Service("Better Stack", "uptime.betterstack.com betteruptime.com", path=rf"/api/v\d/incoming-webhook/{_REST}"),
    Service("Healthchecks.io", "hc-ping.com", path=rf"/{_REST}"),
    Service("Grafana", "grafana.net", path=rf"/(?:oncall/)?integrations/v1/\w+/{_REST}"),
    Service("Loggly", "loggly.com", path=rf"/(?:inputs|bulk)/{_REST}"),
    Service("Sumo Logic", "sumologic.com", path=rf"/receiver/v1/http/{_REST}"),
    Service(
        "a signed AWS URL",
        path=r"[?&]x-amz-signature=",
        parameters="x-amz-signature x-amz-credential x-amz-security-token",
    ),
    # Older signatures, which S3, CloudFront and Google's storage still take.
    Service(
        "a signed AWS URL", path=r"[?&]awsaccesskeyid=", parameters="signature awsaccesskeyid x-amz-security-token"
    ),
    Service("a signed AWS URL", path=r"[?&]key-pair-id=", parameters="signature"),
    Service("a signed Google URL", path=r"[?&]googleaccessid=", parameters="signature"),
    Service("a signed Google URL", path=r"[?&]x-goog-signature=", parameters="x-goog-signature x-goog-credential"),
)
"""All services that are known, in the order in which they are tried."""
