// send.mjs PORT tls|starttls USER PASSWORD RECIPIENT: a message with an attachment and a blind copy, sent by nodemailer.
import nodemailer from 'nodemailer';

const [port, security, user, pass, recipient] = process.argv.slice(2);
const transport = nodemailer.createTransport({
  host: '127.0.0.1',
  port: Number(port),
  secure: security === 'tls',
  requireTLS: security === 'starttls',
  auth: { user, pass },
  tls: { rejectUnauthorized: false },
});
const result = await transport.sendMail({
  from: `Node Mailer <${user}>`,
  to: recipient,
  bcc: user,
  subject: 'Nodemailer says hello ✔',
  text: 'Plain text',
  html: '<p>Marked-up text</p>',
  attachments: [{ filename: 'numbers.csv', content: 'one,two\n1,2\n' }],
});
console.log(JSON.stringify(result.accepted));
transport.close();
