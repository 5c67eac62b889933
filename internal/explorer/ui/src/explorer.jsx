import { GraphiQL } from 'graphiql';
import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import icon from './icon.svg';
import { Panel } from './panel.jsx';
import { TabList } from './tabs.jsx';
import { SystemTheme, WrapLines } from './theme.jsx';

const PLUGINS = [HISTORY_PLUGIN];

// The service serves the inbox in development, to clients on its machine.
const INBOX = document.documentElement.dataset.inbox === 'on';

// Explorer is the page: GraphiQL, with the session's panel under the answer.
export function Explorer({ api, storage, tabs }) {
  return (
    <GraphiQL
      fetcher={api.fetcher}
      storage={storage}
      plugins={PLUGINS}
      defaultTabs={tabs}
      initialVariables={tabs[0].variables}
      defaultEditorToolsVisibility="variables"
      shouldPersistHeaders={false}
      showPersistHeadersSettings={false}
      inputValueDeprecation
      schemaDescription
      onSchemaChange={(schema) => {
        storage.schema = schema;
      }}
    >
      <GraphiQL.Logo>
        <h1 className="brand">
          <img src={icon} alt="" width="22" height="22" />
          <span>rekey</span>
        </h1>
        {INBOX && <a className="inbox" href="/explorer/inbox" target="_blank" title="The mails that this service wrote">Inbox</a>}
      </GraphiQL.Logo>
      <GraphiQL.Footer>
        <Panel api={api} />
      </GraphiQL.Footer>
      <SystemTheme />
      <WrapLines />
      <TabList />
    </GraphiQL>
  );
}
