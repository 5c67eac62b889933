// The links for persisted queries of Apollo and urql against a server that keeps
// none: every query is answered. Prints one JSON line for each client and method.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { Client, fetchExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import { createHash } from 'node:crypto';

const url = `${process.argv[2]}/graphql`;
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

// recorder is a fetch that records which requests contained a document.
const recorder = () => {
  const sent = [];
  const record = (input, init = {}) => {
    const query = new URL(input, url).searchParams.get('query') ?? (init.body ? JSON.parse(init.body).query : undefined);
    sent.push(`${init.method ?? 'GET'} ${query ? 'document' : 'hash'}`);
    return fetch(input, init);
  };
  return { sent, record };
};

const clients = {
  apollo(get, record) {
    const client = new ApolloClient({
      cache: new InMemoryCache(),
      link: ApolloLink.from([new PersistedQueryLink({ sha256, useGETForHashedQueries: get }), new HttpLink({ uri: url, fetch: record })]),
    });
    return async (query) => (await client.query({ query: gql(query), fetchPolicy: 'network-only' })).data;
  },
  urql(get, record) {
    const client = new Client({
      url, fetch: record, preferGetMethod: false,
      exchanges: [persistedExchange({ preferGetForPersistedQueries: get, generateHash: async (text) => sha256(text) }), fetchExchange],
    });
    return async (query) => {
      const { data, error } = await client.query(query, {}, { requestPolicy: 'network-only' }).toPromise();
      if (error) throw error;
      return data;
    };
  },
};

for (const [name, connect] of Object.entries(clients)) {
  for (const get of [false, true]) {
    const { sent, record } = recorder();
    const call = connect(get, record);
    let problem = '';
    try {
      for (const query of ['query A { __typename }', 'query B { __typename }']) {
        const data = await call(query);
        if (data.__typename !== 'Query') throw new Error(JSON.stringify(data));
      }
    } catch (error) {
      problem = String(error);
    }
    console.log(JSON.stringify({ client: name, get, problem, sent }));
  }
}
