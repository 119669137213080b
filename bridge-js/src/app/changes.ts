/** What the app changed by `update...Config()` since the options were read, and how a change is taken back. */
import type { SessionSettings } from '../generated/protocol.js';
import { usableFields } from './numbers.js';
import type { Plan } from './options.js';
import { changedReconnection, heartbeatSettings, reconnectSettings } from './policies.js';
import type { HeartbeatConfig, ReconnectionConfig } from './shapes.js';
import type { Stage } from './stage.js';

type TakeBack = () => void;

export class Changes {
  readonly #stage: Stage;
  readonly #plan: Plan;
  #heartbeat: Partial<HeartbeatConfig> = {};

  constructor(stage: Stage, plan: Plan) {
    this.#stage = stage;
    this.#plan = plan;
  }

  get settings(): SessionSettings {
    const { reconnectionConfig, heartbeatConfig } = this.#stage.mirror;
    const isNew = reconnectionConfig !== this.#plan.reconnection;
    const isHeartbeatNew = Object.keys(this.#heartbeat).length > 0;
    return {
      ...(isNew && { reconnect: reconnectSettings(reconnectionConfig) }),
      ...(isHeartbeatNew && { heartbeat: heartbeatSettings(this.#heartbeat, heartbeatConfig) }),
    };
  }

  /** @throws RangeError for a value that makes no sense: then nothing is changed. */
  reconnection(partial: Partial<ReconnectionConfig>): TakeBack {
    const former = this.#stage.mirror.reconnectionConfig;
    const config = changedReconnection(former, partial);
    reconnectSettings(config); // a function that throws does it here
    this.#stage.happen({ name: 'reconnectionConfigured', params: { config } });
    return () => {
      if (this.#stage.mirror.reconnectionConfig !== config) return; // changed again meanwhile
      this.#stage.happen({ name: 'reconnectionConfigured', params: { config: former } });
    };
  }

  /** @throws RangeError for a value that makes no sense: then nothing is changed. */
  heartbeat(partial: Partial<HeartbeatConfig>): TakeBack {
    const { heartbeatConfig: former } = this.#stage.mirror;
    const formerChanges = this.#heartbeat;
    const usable = usableFields(partial, 'heartbeatConfig.');
    const config = { ...former, ...usable };
    this.#heartbeat = { ...formerChanges, ...usable };
    this.#stage.happen({ name: 'heartbeatConfigured', params: { config } });
    return () => {
      if (this.#stage.mirror.heartbeatConfig !== config) return; // changed again meanwhile
      this.#heartbeat = formerChanges;
      this.#stage.happen({ name: 'heartbeatConfigured', params: { config: former } });
    };
  }
}
