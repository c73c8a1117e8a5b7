// The parts of ECharts that the page uses; everything else stays out of the program.
import { BarChart, FunnelChart, HeatmapChart, LineChart, MapChart } from 'echarts/charts';
import { AriaComponent, GeoComponent, GridComponent, LegendScrollComponent, MarkAreaComponent, TooltipComponent, VisualMapComponent } from 'echarts/components';
import { init, registerMap, use, type ComposeOption } from 'echarts/core';
import type { BarSeriesOption, FunnelSeriesOption, HeatmapSeriesOption, LineSeriesOption, MapSeriesOption } from 'echarts/charts';
import type { GridComponentOption, LegendComponentOption, TooltipComponentOption, VisualMapComponentOption } from 'echarts/components';
import { CanvasRenderer } from 'echarts/renderers';

use([BarChart, FunnelChart, HeatmapChart, LineChart, MapChart, AriaComponent, GeoComponent, GridComponent, LegendScrollComponent, MarkAreaComponent,
  TooltipComponent, VisualMapComponent, CanvasRenderer]);

export type ChartOption = ComposeOption<BarSeriesOption | FunnelSeriesOption | HeatmapSeriesOption | LineSeriesOption | MapSeriesOption
  | GridComponentOption | LegendComponentOption | TooltipComponentOption | VisualMapComponentOption>;
export type ChartInstance = ReturnType<typeof init>;
export { init, registerMap };
