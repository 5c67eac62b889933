// What differs between the clients when a test calls them: call returns the
// data, or throws { code, reason } with the code '' when no answer came.
import { gql } from '@apollo/client';
import { WebSocket } from 'ws';
import * as apollo from '../../docs/clients/apollo.mjs';
import * as axios from '../../docs/clients/axios-legacy.mjs';
import * as sse from '../../docs/clients/graphql-sse.mjs';
import * as ws from '../../docs/clients/graphql-ws.mjs';
import * as graphqlRequest from '../../docs/clients/graphql-request.mjs';
import * as urql from '../../docs/clients/urql.mjs';

const problem = (errors, otherwise) => {
  const { code = otherwise?.code ?? '', reason } = errors?.[0]?.extensions ?? {};
  return Object.assign(new Error(code || String(otherwise)), { code, reason });
};

export const adapters = {
  urql: {
    connect: urql.connect,
    async call({ client }, query) {
      const { data, error } = await client.query(query, {}, { requestPolicy: 'network-only' }).toPromise();
      if (error) throw problem(error.graphQLErrors, error.networkError);
      return data;
    },
  },
  apollo: {
    connect: apollo.connect,
    call: ({ client }, query) =>
      client.query({ query: gql(query), fetchPolicy: 'network-only', context: { queryDeduplication: false } }).then(
        ({ data }) => data,
        (error) => { throw problem(error.errors, error); },
      ),
  },
  'graphql-request': {
    connect: graphqlRequest.connect,
    call: ({ request }, query) => request(query).catch((error) => { throw problem(error.response?.errors, error); }),
  },
  'axios-legacy': {
    connect: axios.connect,
    legacy: true,
    call: ({ client }, query) =>
      client.post('/graphql', { query }).then(
        ({ data }) => data.data,
        (error) => { throw problem(error.response?.data?.errors, error); },
      ),
  },
};

// followers are the clients that only subscribe.
export const followers = {
  'graphql-ws': { connect: (api, options) => ws.connect(api, { ...options, webSocketImpl: WebSocket }) },
  'graphql-sse': { connect: sse.connect },
};
