import { hex } from './random.js';

const PAIR = `    token
    refreshToken
    expiresIn
    serverTime
    user { name email }
    session { id generation }`;

// starters are the tabs of a fresh page: a session's life from left to right.
// The account is another one each time; it exists only once SignUp has run.
export function starters() {
  const account = { email: `ada-${hex(3)}@example.com`, password: `correct-horse-${hex(4)}` };
  return [
    tab({ input: { name: 'Ada', ...account } }, `# 1. Make an account, and be logged in. The panel
#    keeps the pair; every tab sends its access
#    token from now on.
mutation SignUp($input: SignUpInput!) {
  signUp(input: $input) {
${PAIR}
  }
}`),
    tab({ input: { email: '{{email}}', password: '{{password}}' } }, `# Log in as the account of the last SignUp: a
#    session of its own.
mutation LogIn($input: LoginInput!) {
  login(input: $input) {
${PAIR}
  }
}`),
    tab(null, `# 2. Needs the access token, which the panel adds.
query Me {
  me {
    id
    name
    email
    createdAt
  }
}`),
    tab({ refreshToken: '{{refreshToken}}', idempotencyKey: '{{newKey}}' }, `# 3. Exchange the refresh token for a new pair. The
#    old one is blacklisted. {{...}} in the variables
#    is filled in from the panel.
mutation Refresh($refreshToken: String, $idempotencyKey: String) {
  refreshToken(
    refreshToken: $refreshToken
    idempotencyKey: $idempotencyKey
  ) {
${PAIR}
  }
}`),
    tab({ refreshToken: '{{previousRefreshToken}}', idempotencyKey: '{{lastKey}}' }, `# 4. The answer was lost? The same token with the
#    same key gets the same pair again, byte for
#    byte. Nothing is rotated.
mutation Retry($refreshToken: String!, $idempotencyKey: String!) {
  refreshToken(
    refreshToken: $refreshToken
    idempotencyKey: $idempotencyKey
  ) {
${PAIR}
  }
}`),
    tab({ refreshToken: '{{oldestRefreshToken}}' }, `# 5. Refresh twice, wait for two times REUSE_WINDOW
#    (20 s), then run this. A token that was replaced
#    so long ago is a theft: the session ends, for
#    the thief and for the owner. (Earlier, it is a
#    race of tabs.)
mutation Reuse($refreshToken: String!) {
  refreshToken(refreshToken: $refreshToken) {
${PAIR}
  }
}`),
    tab(null, `# 6. Where I am signed in. A refresh changes its
#    row, and adds none.
query Sessions {
  sessions {
    id
    current
    generation
    userAgent
    ipAddress
    createdAt
    lastSeenAt
    expiresAt
  }
}`),
    tab(null, `# 7. Follow my session: run this, and press Refresh
#    in the panel. The stream ends with its access
#    token, a few seconds after the rotation.
subscription Events {
  sessionEvents {
    kind
    at
    generation
    reason
    userAgent
    ipAddress
  }
}`),
    tab(null, `# 8. Why was I signed out? Log in again and look:
#    what happened to my account, newest first.
query History {
  securityEvents(first: 10) {
    edges {
      node {
        at
        kind
        reason
        sessionId
        sessionsEnded
        address
        userAgent
        requestId
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}`),
    tab({ scope: 'THIS' }, `# 9. End THIS session, the OTHERS, or ALL of mine.
#    The answer is how many ended; their tokens are
#    refused from then on.
mutation LogOut($scope: LogoutScope!) {
  logout(scope: $scope)
}`),
    tab({ email: '{{email}}' }, `# 10. Forgot the password? The answer is true whether
#     or not there is such an account. Follow the link
#     in the mail: in development it is in the Inbox,
#     above.
mutation ForgotPassword($email: String!) {
  requestPasswordReset(email: $email)
}`),
    tab(null, `# 11. Verify the address of my account: by the link
#     in the mail, or by its code with
#     verifyEmail(input: {code: "..."}), which keeps
#     the password and the sessions.
mutation VerifyEmail {
  requestEmailVerification
}`),
    tab({ input: { name: 'Grace', email: account.email.replace('ada', 'grace') } }, `# 12. Sign up by mail: the link in it creates the
#     account. The answer is true also if there is one.
mutation SignUpByMail($input: RequestSignUpInput!) {
  requestSignUp(input: $input)
}`),
    tab({ email: '{{email}}' }, `# 13. Log in without a password: by the link in the
#     mail, or by its code with loginWithEmail.
mutation LogInByMail($email: String!) {
  requestLoginEmail(email: $email)
}`),
    tab({ input: { newEmail: account.email.replace('@', '-new@') } }, `# 14. Change my address. Nothing changes before the
#     link in the mail to the new address is followed;
#     a mail to the present one has a link that undoes
#     it.
mutation ChangeEmail($input: RequestEmailChangeInput!) {
  requestEmailChange(input: $input)
}`),
    tab(null, `# 15. Delete my account. All sessions end at once. Until
#     the time in the answer, the link in the mail
#     keeps the account.
mutation DeleteAccount {
  deleteAccount
}`),
  ];
}

function tab(variables, query) {
  return { query: `${query}\n`, variables: variables && JSON.stringify(variables, null, 2) };
}
