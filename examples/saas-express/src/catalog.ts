import { defineCatalog, perMinute, quotaPerMonth } from '@throughline/core'
import { z } from 'zod'

/** What the application sells and lets its customers set: flags, limits, meters, plans and config. */
export const catalog = defineCatalog({
  flags: {
    'report-summaries': {
      description: 'Summaries of reports: all of enterprise, and a quarter of the other customers.',
      rules: [
        { id: 'enterprise', if: { 'org.plan': 'enterprise' }, serve: true },
        { id: 'ramp', rollout: { percent: 25 }, serve: true },
      ],
      default: false,
    },
  },
  limits: { api: perMinute(60) },
  meters: {
    reports: { aggregate: 'count', description: 'Reports made.' },
    'report-rows': { aggregate: 'sum', unit: 'row', description: 'Rows of the reports made.' },
  },
  plans: {
    free: { limits: { api: perMinute(40) }, quotas: { reports: quotaPerMonth(5, { hard: true }) } },
    pro: {
      limits: { api: perMinute(120) },
      quotas: { reports: quotaPerMonth(500, { hard: true }) },
      config: { 'notifications.digest': 'daily' },
    },
    enterprise: { limits: { api: perMinute(6_000) }, quotas: { reports: quotaPerMonth(10_000) } },
  },
  config: z.object({
    webhooks: z.object({ url: z.url().optional(), secret: z.string().min(16).optional() }).prefault({}),
    notifications: z
      .object({
        email: z.boolean().default(true),
        digest: z.enum(['daily', 'weekly', 'never']).default('weekly'),
      })
      .prefault({}),
  }),
})
