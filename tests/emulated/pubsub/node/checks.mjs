// Google's Node client against the server in PUBSUB_EMULATOR_HOST. Each check is named like the scenario of
// scenarios.py that it sees through this client. Prints {check: "ok" | what went wrong} as one line of JSON.
import assert from 'node:assert/strict';
import {grpc} from 'google-gax';
import {PubSub, v1} from '@google-cloud/pubsub';

const [host, port] = process.env.PUBSUB_EMULATOR_HOST.split(':');
const TIMEOUT = 15_000;
const run = Date.now().toString(36);

const sleep = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

async function until(done, what) {
  const end = Date.now() + TIMEOUT;
  while (!done()) {
    assert.ok(Date.now() < end, `waited in vain for ${what}`);
    await sleep(10);
  }
}

/** The clients of one check, in a project of its own. */
class World {
  constructor(name) {
    this.pubsub = new PubSub({projectId: `${run}-${name.replaceAll('_', '-')}`});
    this.low = new v1.SubscriberClient({servicePath: host, port: Number(port), sslCreds: grpc.credentials.createInsecure()});
    this.open = [];
  }
  async topic(name = 'topic', ordered = false) {
    const [topic] = await this.pubsub.createTopic(name);
    return ordered ? this.pubsub.topic(name, {messageOrdering: true}) : topic;
  }
  async subscription(topic, options = {}, name = 'subscription') {
    const [subscription] = await topic.createSubscription(name, options);
    return subscription;
  }
  /** Listens; every message goes to `handle` and into the list that is returned. */
  listen(subscription, handle = message => message.ack(), options = {}) {
    const listening = this.pubsub.subscription(subscription.name, options);
    const seen = [];
    listening.on('message', message => {
      seen.push(message);
      handle(message);
    });
    listening.on('error', error => {
      seen.error = error;
    });
    this.open.push(listening);
    return seen;
  }
  async pull(subscription, maxMessages) {
    const [answer] = await this.low.pull({subscription: subscription.name, maxMessages});
    return answer.receivedMessages;
  }
  async nothing(subscription) {
    const [answer] = await this.low.pull({subscription: subscription.name, maxMessages: 1, returnImmediately: true});
    return answer.receivedMessages.length === 0;
  }
  async close() {
    for (const listening of this.open) await listening.close();
    await this.pubsub.close();
    await this.low.close();
  }
}

const texts = seen => seen.map(message => message.data.toString());

const checks = {
  async topic_life(w) {
    await w.topic();
    await w.topic('another');
    const [topics] = await w.pubsub.getTopics();
    assert.deepEqual(topics.map(topic => topic.name.split('/').pop()).sort(), ['another', 'topic']);
    await w.pubsub.topic('another').delete();
    assert.deepEqual(await w.pubsub.topic('another').exists(), [false]);
  },
  async topic_twice(w) {
    await w.topic();
    await assert.rejects(w.pubsub.createTopic('topic'), {code: grpc.status.ALREADY_EXISTS});
  },
  async publish_round_trip(w) {
    const topic = await w.topic('topic', true);
    const seen = w.listen(await w.subscription(topic));
    const id = await topic.publishMessage({data: Buffer.from('æ'), attributes: {k: 'v'}, orderingKey: 'key'});
    await until(() => seen.length, 'the message');
    assert.deepEqual([seen[0].id, `${seen[0].data}`, seen[0].attributes, seen[0].orderingKey], [id, 'æ', {k: 'v'}, 'key']);
  },
  async publish_attributes_only(w) {
    const topic = await w.topic();
    const seen = w.listen(await w.subscription(topic));
    await topic.publishMessage({attributes: {a: '1'}});
    await until(() => seen.length, 'the message');
    assert.equal(seen[0].data.length, 0);
    assert.deepEqual(seen[0].attributes, {a: '1'});
  },
  async pull_acknowledge(w) {
    const topic = await w.topic();
    const subscription = await w.subscription(topic);
    await topic.publishMessage({data: Buffer.from('1')});
    const received = await w.pull(subscription, 5);
    assert.equal(received[0].message.data.toString(), '1');
    await w.low.acknowledge({subscription: subscription.name, ackIds: [received[0].ackId]});
    assert.ok(await w.nothing(subscription));
  },
  async pull_nack(w) {
    const topic = await w.topic();
    const subscription = await w.subscription(topic);
    await topic.publishMessage({data: Buffer.from('1')});
    const [first] = await w.pull(subscription, 1);
    await w.low.modifyAckDeadline({subscription: subscription.name, ackIds: [first.ackId], ackDeadlineSeconds: 0});
    const [again] = await w.pull(subscription, 1);
    assert.equal(again.message.messageId, first.message.messageId);
  },
  async stream_acknowledge(w) {
    const topic = await w.topic();
    const subscription = await w.subscription(topic);
    const seen = w.listen(subscription);
    const wanted = Array.from({length: 500}, (_, n) => `${n}`);
    await Promise.all(wanted.map(text => topic.publishMessage({data: Buffer.from(text)})));
    await until(() => seen.length >= 500, '500 messages');
    await sleep(300);
    assert.deepEqual(texts(seen).sort(), wanted.sort());
    assert.ok(await w.nothing(subscription));
  },
  async stream_client(w) {
    const topic = await w.topic();
    const subscription = await w.subscription(topic);
    let refused = false;
    const seen = w.listen(subscription, message => {
      if (`${message.data}` === '2' && !refused) {
        refused = true;
        message.nack();
      } else message.ack();
    });
    for (const text of ['1', '2', '3']) await topic.publishMessage({data: Buffer.from(text)});
    await until(() => seen.length >= 4, 'four deliveries');
    assert.deepEqual(texts(seen).sort(), ['1', '2', '2', '3']);
  },
  async stream_flow_messages(w) {
    const topic = await w.topic();
    const subscription = await w.subscription(topic);
    await Promise.all(Array.from({length: 10}, () => topic.publishMessage({data: Buffer.from('x')})));
    const held = [];
    const seen = w.listen(subscription, message => held.push(message), {
      flowControl: {maxMessages: 3, allowExcessMessages: false},
      streamingOptions: {maxStreams: 1},
    });
    await until(() => seen.length >= 3, 'three messages');
    await sleep(300);
    assert.equal(seen.length, 3);
    held.splice(0).forEach(message => message.ack());
    await until(() => seen.length >= 6, 'three more');
    held.splice(0).forEach(message => message.ack());
  },
  async order_kept(w) {
    const topic = await w.topic('topic', true);
    const subscription = await w.subscription(topic, {enableMessageOrdering: true});
    const sent = [];
    for (let n = 0; n < 100; n++) {
      for (const key of ['a', 'b', 'c']) sent.push(topic.publishMessage({data: Buffer.from(`${n}`), orderingKey: key}));
    }
    await Promise.all(sent);
    const seen = w.listen(subscription);
    await until(() => seen.length >= 300, '300 messages');
    for (const key of ['a', 'b', 'c']) {
      const numbers = seen.filter(message => message.orderingKey === key).map(message => Number(message.data));
      assert.deepEqual(numbers, Array.from({length: 100}, (_, n) => n));
    }
  },
  async order_nack(w) {
    const topic = await w.topic('topic', true);
    const subscription = await w.subscription(topic, {enableMessageOrdering: true});
    for (const text of ['1', '2', '3']) await topic.publishMessage({data: Buffer.from(text), orderingKey: 'a'});
    const accepted = [];
    let refused = false;
    w.listen(subscription, message => {
      if (`${message.data}` === '1' && !refused) {
        refused = true;
        message.nack();
      } else {
        accepted.push(`${message.data}`);
        message.ack();
      }
    });
    const inOrder = () => accepted.lastIndexOf('1') >= 0 && accepted.lastIndexOf('3') > accepted.lastIndexOf('2')
      && accepted.lastIndexOf('2') > accepted.lastIndexOf('1');
    await until(inOrder, 'the refused message and, after it, the later ones');
  },
  async filter_delivers(w) {
    const topic = await w.topic();
    const seen = w.listen(await w.subscription(topic, {filter: 'attributes.type = "a" AND NOT attributes:test'}));
    await topic.publishMessage({data: Buffer.from('no'), attributes: {type: 'b'}});
    await topic.publishMessage({data: Buffer.from('test'), attributes: {type: 'a', test: ''}});
    await topic.publishMessage({data: Buffer.from('yes'), attributes: {type: 'a'}});
    await until(() => seen.length, 'the message');
    await sleep(200);
    assert.deepEqual(texts(seen), ['yes']);
  },
  async dead_letter(w) {
    const topic = await w.topic();
    const dead = await w.topic('dead');
    const grave = w.listen(await w.subscription(dead, {}, 'grave'));
    const subscription = await w.subscription(topic, {
      deadLetterPolicy: {deadLetterTopic: dead.name, maxDeliveryAttempts: 5},
    });
    const seen = w.listen(subscription, message => message.nack());
    await topic.publishMessage({data: Buffer.from('x')});
    await until(() => grave.length, 'the dead letter');
    assert.deepEqual(seen.map(message => message.deliveryAttempt), [1, 2, 3, 4, 5]);
    assert.equal(grave[0].attributes.CloudPubSubDeadLetterSourceDeliveryCount, '5');
  },
  async once_client(w) {
    const topic = await w.topic();
    const subscription = await w.subscription(topic, {enableExactlyOnceDelivery: true});
    const fates = [];
    w.listen(subscription, async message => fates.push(await message.ackWithResponse()));
    await topic.publishMessage({data: Buffer.from('x')});
    await until(() => fates.length, 'the confirmation');
    assert.deepEqual(fates, ['SUCCESS']);
    assert.ok(await w.nothing(subscription));
  },
  async seek_back(w) {
    const topic = await w.topic();
    const subscription = await w.subscription(topic, {retainAckedMessages: true});
    const seen = w.listen(subscription);
    const start = new Date(Date.now() - 1000);
    await topic.publishMessage({data: Buffer.from('x')});
    await until(() => seen.length === 1, 'the message');
    await sleep(300); // acknowledgements go in batches
    await subscription.seek(start);
    await until(() => seen.length === 2, 'the message again');
  },
};

if (process.argv[2] === '--list') {
  console.log(JSON.stringify(Object.keys(checks)));
} else {
  const results = {};
  await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      const world = new World(name);
      try {
        await check(world);
        results[name] = 'ok';
      } catch (error) {
        results[name] = `${error.stack}`;
      }
      await world.close();
    }),
  );
  console.log(JSON.stringify(results));
  process.exit(0);
}
